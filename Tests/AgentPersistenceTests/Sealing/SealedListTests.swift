import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Testing

@testable import AgentPersistence

/// Rows that are partly sealed already when the list becomes longer.
@Suite("A longer list over rows that hold sealed values")
struct SealedListTests {
  private static let long = SensitiveFields(["api_key", "password", "token", "pin"])
  private static let longer = SensitiveFields(["api_key", "password", "token", "pin", "login", "otp"])
  private static let request: JSONValue = [
    "headers": ["Authorization": "Bearer planted-credential"], "body": #"{"n":1e2,"pin":"planted-pin-1"}"#,
  ]
  private static let answer: JSONValue = [
    "text": #"{"body":"{\"pin\":\"planted-pin-2\"}","headers":{"set-cookie":"[sealed]"},"status":200}"#
  ]

  private func start(
    _ number: Int, _ input: JSONValue, name: String = "http.request", kind: StepKind = .toolCall
  ) -> TaskChange {
    .stepStarted(StepStart(number: number, kind: kind, name: name, effect: .pure, input: input, inputHash: "h"))
  }

  private func finish(_ number: Int, _ output: JSONValue) -> TaskChange {
    .stepEnded(StepEnd(number: number, outcome: .finished(output: output, resultHash: "r")))
  }

  private func pass(_ bench: TaskStoreBench, _ fields: SensitiveFields) async {
    bench.sealing.policy.fields = fields
    await SealingPass(file: bench.file, sealing: bench.sealing, clock: bench.clock).run()
  }

  private func bodies(_ bench: TaskStoreBench) async throws -> [Data?] {
    try await bench.file.read { db in try db.rows("SELECT body FROM journal ORDER BY seq").map { $0[0] as Data? } }
  }

  /// As a worker masks them.
  private func masked(_ fields: SensitiveFields) -> (input: JSONValue, output: JSONValue) {
    var filter = SealedFilter()
    return (
      StepSealing.input(callID: "c", arguments: Self.request, of: "http.request", fields, &filter),
      StepSealing.output(ofTool: Self.answer, hiding: ["planted-cookie"], &filter)
    )
  }

  private func expectHidden(_ bench: TaskStoreBench, _ id: TaskID) async throws {
    let steps = try await bench.steps(id).steps
    #expect(!steps.contains { ($0.input.text + ($0.output?.text ?? "")).contains("planted") })
    #expect(steps[0].input["arguments"]?["body"] == #"{"n":1e2,"pin":"[sealed]"}"#)
    let clear = try await bench.store.clearValues(of: id)
    #expect(clear.revealArguments(ofStep: 1) == Self.request)
    let texts = Set(clear.revealTexts().map { $0.reveal() })
    for text in ["planted-credential", "planted-cookie", "planted-pin-1", "planted-pin-2"] {
      #expect(texts.contains(text), "\(text)")
    }
  }

  @Test("a request with a credential and an answer with a cookie hide a member of their bodies too, and open whole")
  func requests() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    let (input, output) = masked(.standard)
    try await bench.advance(claimed, start(1, input), finish(1, output))
    #expect(try await bench.steps(claimed.task.id).steps[0].input.text.contains("planted-pin-1"))
    await pass(bench, Self.long)
    try await expectHidden(bench, claimed.task.id)
    // Once more, with names that these rows do not have.
    let before = try await bodies(bench)
    await pass(bench, Self.longer)
    #expect(try await bodies(bench) == before)
    try await expectHidden(bench, claimed.task.id)
    try await expectNothing("planted-", in: bench)
  }

  @Test("what a worker masked by the list before a reload is masked once more in the write")
  func race() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    let (input, output) = masked(.standard)
    bench.sealing.policy.fields = Self.long
    let result = try await bench.advance(claimed, start(1, input), finish(1, output))
    #expect(!result.entries.contains { ($0.body?.text ?? "").contains("planted") })
    try await expectHidden(bench, claimed.task.id)
    try await expectNothing("planted-", in: bench)
  }

  @Test("a value that was sealed where it stood is sealed once, whatever the next list finds beside it")
  func inPlace() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running(
      input: ["prompt": "go", "login": ["user": "planted-user", "password": "planted-word"]])
    let call: JSONValue = ["pin": "planted-pin", "body": #"{"otp":"planted-otp"}"#]
    let other: JSONValue = ["token": "planted-token"]
    await pass(bench, Self.long)
    // The worker's list was the one before: the store seals by its own.
    let reply: JSONValue = [
      "tool_calls": [
        ["id": "a", "name": "http.request", "arguments": call],
        ["id": "b", "name": "t", "arguments": ["token": "[sealed]"]],
      ],
      "sealed": ["calls": ["b": other], "values": ["planted-token"]],
    ]
    try await bench.advance(
      claimed, start(1, ["digest": "d"], name: "sandbox", kind: .modelCall), finish(1, reply),
      start(2, ["call_id": "a", "arguments": call]), finish(2, ["text": "ok"]),
      start(3, ["call_id": "x", "arguments": ["pin": "planted-pin"]]))
    func expectWhole() async throws {
      let clear = try await bench.store.clearValues(of: claimed.task.id)
      #expect(clear.revealArguments(ofCall: "a", askedForInStep: 1) == call)
      #expect(clear.revealArguments(ofCall: "b", askedForInStep: 1) == other)
      #expect(clear.revealArguments(ofStep: 2) == call && clear.revealArguments(ofStep: 3) == ["pin": "planted-pin"])
      #expect(clear.reveal(path: "login.password") == "planted-word")
    }
    try await expectWhole()
    await pass(bench, Self.longer)
    try await expectWhole()
    let clear = try await bench.store.clearValues(of: claimed.task.id)
    #expect(clear.reveal(path: "login") == ["user": "planted-user", "password": "planted-word"])
    #expect(!clear.revealTexts().contains { $0.reveal().hasPrefix("AQ") })
    let steps = try await bench.steps(claimed.task.id).steps
    #expect(steps[1].input["arguments"] == ["pin": "[sealed]", "body": #"{"otp":"[sealed]"}"#])
    #expect(steps[2].input == ["call_id": "x", "arguments": ["pin": "[sealed]"]])
    try await expectNothing("planted-", in: bench)
  }
}
