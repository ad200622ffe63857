import AgentCore
import AgentTestKit
import Foundation
import Testing

@testable import AgentPersistence

@Suite("Rows that the sealing pass has not come to yet")
struct SealingMaskTests {
  /// All that readers show of a task, and what its worker gets.
  private struct Seen: Equatable {
    var task: AgentTask?
    var listed: [AgentTask]
    var journal: [JournalEntry]
    var events: [JournalEntry]
    var texts: [String]
    var key: JSONValue?
    var arguments: JSONValue?
    var call: JSONValue?
    var paths: [String]

    init(_ id: Int64, _ bench: SealingBench) async throws {
      let task = TaskID(number: id)
      self.task = try await bench.store.task(task)
      listed = try await bench.store.tasks(TaskQuery()).items
      journal = try await bench.store.journal(of: task)
      events = try await bench.store.events(after: 0, of: nil, limit: 99).page.entries
      let clear = try await bench.clear(id)
      texts = Set(clear.revealTexts().map { $0.reveal() }).sorted()
      (key, paths) = (clear.reveal(path: "api_key"), clear.paths)
      arguments = clear.revealArguments(ofStep: 1)
      call = clear.revealArguments(ofCall: "c", askedForInStep: 1)
    }

    var shown: String {
      let rows = (journal + events).map { $0.head.text + ($0.body?.text ?? "") }
      let tasks = (listed + [task].compactMap(\.self)).map { "\($0.input.text) \($0.metadata.text) \($0.labels)" }
      return (rows + tasks).joined(separator: "\n")
    }
  }

  private func found(_ name: String, _ value: String, _ bench: SealingBench) async throws -> Int {
    try await bench.store.tasks(TaskQuery(label: TaskQuery.Label(name: name, value: value))).items.count
  }

  @Test("before the first pass every read shows them as after it, no label finds them, and a worker has their values")
  func first() async throws {
    let fixture = try OldDatabase.fixture(tasks: 3)
    let bench = try await SealingBench(fixture, TestKeys())
    let before = try await Seen(2, bench)
    #expect(!before.shown.contains("planted-") && before.shown.contains("[sealed]"))
    #expect(before.key == "planted-2-input" && before.paths == ["api_key"])
    #expect(before.arguments?["token"] == "planted-2-argument" && before.call == ["token": "planted-2-call"])
    #expect(before.texts.contains("planted-2-label") && before.texts.contains("planted-2-metadata"))
    #expect(try await found("token", "planted-2-label", bench) == 0)
    #expect(try await bench.file.count("label") == 3)
    let cancelled = await #expect(throws: StoreError.self) {
      try await bench.store.cancel(TaskID(number: 2), by: .local)
    }
    #expect(cancelled?.code == .taskFinished)
    await bench.pass().run()
    #expect(try await Seen(2, bench) == before)
    #expect(bench.sealing.mask.fields == nil)
    await bench.file.close()
  }

  @Test("a pass that is cut leaves what it has not come to hidden, in the next process too")
  func cut() async throws {
    let fixture = try OldDatabase.fixture(tasks: 5)
    let keys = try TestKeys()
    let first = try await SealingBench(fixture, keys)
    let before = try await Seen(5, first)
    // Two turns of the writer reach the disk: the goal, and the first rows.
    let start = first.file.commitNumber
    fixture.faults.withLock { $0 = Dictionary(uniqueKeysWithValues: (3...99).map { (start + $0, 1034) }) }
    let pass = first.pass { $0.rows = 4 }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await pass.run() }
      _ = await eventually { fixture.clock.sleeperCount > 0 }
      group.cancelAll()
    }
    fixture.setFault(nil)
    #expect(try await first.goal()?.cursor ?? 0 > 0)
    for id: Int64 in [1, 5] { #expect(!(try await Seen(id, first).shown.contains("planted-"))) }
    await first.file.close()
    let second = try await SealingBench(fixture, keys)
    #expect(try await Seen(5, second) == before)
    await second.pass().run()
    #expect(try await Seen(5, second) == before)
    await second.file.close()
    // And once it is over nothing is gone over any more.
    let third = try await SealingBench(fixture, keys)
    #expect(third.sealing.mask.fields == nil)
    #expect(try await Seen(5, third) == before)
    await third.file.close()
  }

  @Test("a longer list hides its members at once, one that comes back after rows were written without it as well")
  func lists() async throws {
    let fixture = try OldDatabase.fixture(tasks: 2)
    let bench = try await SealingBench(fixture, TestKeys())
    await bench.pass().run()
    let id = TaskID(number: 90)
    let input: JSONValue = ["pin": "4711-4711", "prompt": "go"]
    _ = try await bench.store.submit(
      [NewTask(id: id, agent: "coder", input: input, labels: ["pin": "4711-4711"])], key: nil, maximumUnfinished: 9,
      by: .local)
    #expect(try await bench.store.task(id)?.input == input)
    #expect(try await found("pin", "4711-4711", bench) == 1)
    let longer = SensitiveFields(SensitiveFields.standard.names + ["pin"])
    bench.sealing.policy.fields = longer
    let hidden: JSONValue = ["pin": "[sealed]", "prompt": "go"]
    #expect(try await bench.store.task(id)?.input == hidden)
    #expect(try await bench.store.cancel(id, by: .local).labels == ["pin": "[sealed]"])
    #expect(try await bench.store.journal(of: id).first?.body?["input"] == hidden)
    #expect(try await found("pin", "4711-4711", bench) == 0)
    #expect(try await bench.clear(90).reveal(path: "pin") == "4711-4711")
    await bench.pass().run()
    #expect(try await bench.store.task(id)?.input == hidden && bench.sealing.mask.fields == nil)

    bench.sealing.policy.fields = .standard
    #expect(bench.sealing.mask.fields == nil)
    _ = try await bench.store.submit(
      [NewTask(id: TaskID(number: 91), agent: "coder", input: input)], key: nil, maximumUnfinished: 9, by: .local)
    #expect(try await bench.store.task(TaskID(number: 91))?.input == input)
    // A pass in between forgets that the name has lapsed: then the database knows.
    for runs in [false, true] {
      if runs { await bench.pass().run() }
      bench.sealing.policy.fields = longer
      #expect(try await bench.store.task(TaskID(number: 91))?.input == hidden, "\(runs)")
      bench.sealing.policy.fields = .standard
    }
    await bench.file.close()
  }

  @Test("what only looks like a sealed value in a row from before keys is hidden, and a caller's word all the same")
  func lookAlike() async throws {
    let fixture = try OldDatabase.fixture(tasks: 1)
    let bench = try await SealingBench(fixture, TestKeys())
    let body: JSONValue = ["input": ["api_key": ["$sealed": "not one"]], "metadata": [:]]
    try await bench.file.write(.essential) { context in
      try context.db.run("UPDATE journal SET body = ? WHERE seq = 1", [JSONColumn.encode(body)])
    }
    for _ in 0..<2 {
      #expect(try await bench.store.task(TaskID(number: 1))?.input == ["api_key": "[sealed]"])
      #expect(try await bench.clear(1).reveal(path: "api_key") == ["$sealed": "not one"])
      await bench.pass().run()
    }
    #expect(!fixture.logged("sealed_value_invalid"))
    await bench.file.close()
  }
}
