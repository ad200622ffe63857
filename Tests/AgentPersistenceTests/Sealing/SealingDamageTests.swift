import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Testing

@testable import AgentPersistence

@Suite("Rows that the sealing pass cannot read", .timeLimit(.minutes(5)))
struct SealingDamageTests {
  private func run(_ bench: SealingBench, _ sql: String) async throws {
    try await bench.file.write(.essential) { context in try context.db.run(sql) }
  }

  private func told(_ fixture: StoreFixture, _ text: String) -> Int {
    fixture.log.withLock { $0.filter { $0.contains(text) }.count }
  }

  @Test(
    "a damaged row is told once and stays, what of it can be read is sealed, and so is every row after it",
    arguments: ["UPDATE journal SET body = X'007B' WHERE seq = 9", "UPDATE journal SET head = '{' WHERE seq = 9"])
  func middle(sql: String) async throws {
    let fixture = try OldDatabase.fixture(tasks: 5)
    let bench = try await SealingBench(fixture, TestKeys())
    try await run(bench, sql)
    let pass = bench.pass { $0.rows = 4 }
    await pass.run()
    let goal = try await bench.goal()
    #expect(goal?.isFinished == true && goal?.unopened == 1)
    #expect(pass.progress() == SealingPass.Progress(done: 20, total: 20, isRunning: false, unopened: 1))
    #expect(told(fixture, "error database_corrupt: Row 9 of table journal") == 1)
    #expect(!fixture.logged("sealing rests"))
    for id: Int64 in [1, 2, 4, 5] {
      #expect(try await bench.clear(id).reveal(path: "api_key") == .string("planted-\(id)-input"))
      let task = try await bench.store.task(TaskID(number: id))
      #expect(task?.input["api_key"] == "[sealed]" && task?.labels == ["token": "[sealed]"])
    }
    await #expect(throws: StoreError.self) { try await bench.store.journal(of: TaskID(number: 3)) }
    #expect(try await bench.file.count("label") == 0)
    // The next pass meets it too, tells nothing new, and keeps no key for it.
    try await bench.rotate()
    #expect(try await bench.goal()?.isFinished == true)
    #expect(told(fixture, "error database_corrupt: Row 9 of table journal") == 1)
    #expect(try await KeyRingStore(file: bench.file).rows()[0].state == .destroyed)
    // The damage of this test is all that was in clear.
    #expect(try await bench.traces(of: "planted-") == 0)
  }

  @Test("sealed values in a row that became unreadable keep their key, and a later start knows of them")
  func keys() async throws {
    let fixture = try OldDatabase.fixture(tasks: 3)
    let keys = try TestKeys()
    let bench = try await SealingBench(fixture, keys)
    await bench.pass().run()
    // Cut before its last brace.
    try await run(bench, "UPDATE journal SET body = CAST(substr(body, 1, length(body) - 1) AS BLOB) WHERE seq = 5")
    for _ in 0..<2 { try await bench.rotate() }
    #expect(try await bench.goal()?.unopened == 1)
    let states = try await KeyRingStore(file: bench.file).rows().map(\.state)
    #expect(states == [.opening, .active, .destroyed, .active])
    await bench.file.close()

    let next = try await SealingBench(fixture, keys)
    let pass = next.pass()
    await pass.run()
    #expect(pass.progress().unopened == 1 && !pass.progress().isRunning)
    await next.file.close()
  }

  @Test("a value too large for one seal is told once and stays hidden, later too, and every row after it is sealed")
  func large() async throws {
    let fixture = try OldDatabase.fixture(tasks: 3)
    let keys = try TestKeys()
    var bench = try await SealingBench(fixture, keys)
    // As an older version may have left it: over 16 MiB.
    let text = "planted-large-" + String(repeating: "x", count: SealedMember.maximumBytes)
    let body: JSONValue = ["input": ["api_key": .string(text), "token": "planted-beside"], "metadata": [:]]
    try await bench.file.write(.essential) { context in
      try context.db.run("UPDATE journal SET body = ? WHERE seq = 5", [JSONColumn.encode(body)])
    }
    await bench.pass().run()
    #expect(try await bench.goal()?.isFinished == true)
    #expect(try await bench.goal()?.unopened == 1)
    let place = "row 5 of table journal, column body, member /input/api_key"
    #expect(told(fixture, "error sealing_unavailable: A value to seal has more than 16 MiB: \(place)") == 1)
    #expect(told(fixture, "warning sealing_finished: 1 values or rows") == 1)
    #expect(!fixture.logged("sealing rests"))
    for start in 0..<2 {
      for id: Int64 in [1, 3] {
        #expect(try await bench.clear(id).reveal(path: "api_key") == .string("planted-\(id)-input"))
      }
      let shown: JSONValue = ["api_key": "[sealed]", "token": "[sealed]"]
      #expect(try await bench.store.task(TaskID(number: 2))?.input == shown, "\(start)")
      #expect(try await bench.clear(2).reveal(path: "api_key") == .string(text))
      // The keys of before go all the same.
      try await bench.rotate()
      #expect(try await KeyRingStore(file: bench.file).rows()[0].state == .destroyed)
      await bench.file.close()
      bench = try await SealingBench(fixture, keys)
    }
    #expect(try await bench.traces(of: "planted-beside") == 0)
  }

  @Test("a pass that left nothing over says so, and one that did warns of how many")
  func tells() async throws {
    let fixture = try OldDatabase.fixture(tasks: 2)
    let bench = try await SealingBench(fixture, TestKeys())
    await bench.pass().run()
    #expect(told(fixture, "info sealing_finished: all rows are sealed as configuration asks.") == 1)
    try await run(bench, "UPDATE journal SET body = (SELECT body FROM journal WHERE seq = 1) WHERE seq = 5")
    try await bench.rotate()
    #expect(told(fixture, "warning sealing_finished: 2 values or rows that do not open") == 1)
    #expect(told(fixture, "info sealing_finished") == 1)
    await bench.file.close()
  }

  @Test(
    "marks in damaged bytes are found with the key they name",
    arguments: [
      (#"{"a":{"$sealed":"MARK"},"b"#, 1), (#"{"arguments":"{\"token\":{\"$sealed\":\"MARK\"}}"#, 1),
      (#"{"$sealed":"MARK"},{"$sealed":"MARK"#, 2), (#"{"$sealed":"AQ"#, 0), (#"{"$sealed"#, 0), ("{", 0),
    ])
  func found(text: String, count: Int) throws {
    let ring = try TestKeys.ring()
    let place = SealedPlace(table: "journal", row: "1", column: "body")
    let mark = SealedMark(try ring.seal(Array("12345".utf8), at: place))
    let bytes = Data(text.replacingOccurrences(of: "MARK", with: mark.text).utf8)
    let keys = SealedMark.found(inDamaged: bytes).compactMap(\.sealed).compactMap { ring.keyID(ofSealed: $0) }
    #expect(keys == Array(repeating: 1, count: count))
  }
}
