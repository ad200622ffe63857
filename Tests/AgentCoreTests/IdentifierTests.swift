import AgentCore
import Testing

@Suite("Identifiers")
struct IdentifierTests {
  @Test(
    "task ids are read with and without their prefix",
    arguments: [
      ("task-17", 17), ("17", 17), ("task-1", 1), ("007", nil), ("task-01", nil), ("task-00", nil),
      ("task-9223372036854775807", Int64.max), ("", nil),
      ("task-", nil), ("0", nil), ("task-0", nil), ("-1", nil), ("task--1", nil), ("+1", nil), ("task-+1", nil),
      ("Task-1", nil), ("task-1 ", nil), (" 1", nil), ("task-1a", nil), ("task-task-1", nil), ("1.0", nil),
      ("9223372036854775808", nil), ("task-１", nil), ("job-1", nil),
    ] as [(String, Int64?)])
  func taskID(_ text: String, _ number: Int64?) { #expect(TaskID(text)?.number == number) }

  @Test("a task id reads back and sorts by number")
  func description() {
    #expect(TaskID(number: 17).description == "task-17")
    #expect(TaskID(number: 9) < TaskID(number: 10))
    #expect(TaskID("task-17"[...]) == TaskID(number: 17))
  }

  @Test(
    "principals read back",
    arguments: [Principal.local, .system, .uid(0), .uid(1000), .uid(.max)])
  func principal(_ principal: Principal) { #expect(Principal(principal.description) == principal) }

  @Test("no other principal exists", arguments: ["", "uid:", "uid:-1", "uid:4294967296", "root", "LOCAL", "uid:1 "])
  func noPrincipal(_ text: String) { #expect(Principal(text) == nil) }
}
