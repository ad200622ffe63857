import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Testing

@testable import AgentPersistence

@Suite("What is sensitive in an agent's definition is sealed in its row")
struct SealedDefinitionTests {
  private static func agent(_ id: AgentID = "coder", _ secret: String = "planted-body-secret") -> AgentDefinition {
    AgentDefinition(
      id: id, instructions: "Write code.", tools: [],
      body: ["metadata": ["api_key": .string(secret), "team": "a"], "seed": 7])
  }

  private static func definitions(_ file: StoreFile) async throws -> [JSONValue] {
    try await file.read { db in
      try db.rows("SELECT definition FROM agent_version ORDER BY id").map { try JournalBody.opened($0[0] as Data) }
    }
  }

  @Test("the file has the mark alone, the worker the clear body, in a later life too; one definition has one row")
  func values() async throws {
    let bench = try await TaskStoreBench()
    let agent = Self.agent()
    try await bench.submit(3)
    let first = try #require(try await bench.claim(agents: [agent]).first)
    #expect(first.definition == agent)
    _ = try await bench.claim(agents: [agent])
    let stored = try await Self.definitions(bench.file)
    #expect(stored.count == 1)
    #expect(stored.first?["body"]?["seed"] == 7 && stored.first?["body"]?["metadata"]?["team"] == "a")
    #expect(SealedMark(stored.first?["body"]?["metadata"]?["api_key"] ?? .null) != nil)
    try await bench.reopen()
    _ = try await bench.store.beginEpoch()
    // What the files say by now does not matter to a task that pinned its definition.
    let again = try await bench.claim(agents: [TaskStoreBench.agent])
    #expect(again.first?.task.id == first.task.id && again.first?.definition == agent)
    #expect(try await Self.definitions(bench.file).count == 1)
    try await expectNothing("planted-body", in: bench)
  }

  @Test("a body that the list names is sealed whole, and one without sensitive members stands as it is")
  func whole() async throws {
    let bench = try await TaskStoreBench()
    bench.sealing.policy.fields = SensitiveFields(["body"])
    try await bench.submit()
    try await bench.submit(agent: "writer")
    let claimed = try await bench.claim(2, agents: [Self.agent(), TaskStoreBench.otherAgent])
    #expect(Set(claimed.map(\.definition)) == [Self.agent(), TaskStoreBench.otherAgent])
    let bodies = try await Self.definitions(bench.file).compactMap { $0["body"] }
    #expect(bodies.filter { SealedMark($0) != nil }.count == 1 && bodies.contains([:]))
  }

  @Test("a row from before is sealed by the next pass, the first one or one that has nothing else to do")
  func upgrade() async throws {
    for isFirst in [true, false] {
      let fixture = try OldDatabase.fixture(tasks: 2)
      let keys = try TestKeys()
      var bench = try await SealingBench(fixture, keys)
      if !isFirst { await bench.pass().run() }
      let json = Self.agent().json
      try await bench.file.write(.essential) { context in
        try context.db.run(
          "INSERT INTO agent_version (id, digest, definition) VALUES (4, ?, ?)",
          [FixedDigester().digest(json), JSONColumn.encode(json)])
        try context.db.run("UPDATE task SET agent_version = 4, status = 0, finished = NULL WHERE id = 1")
      }
      await bench.file.close()
      bench = try await SealingBench(fixture, keys)
      await bench.pass().run()
      #expect(fixture.logged("sealing_finished"))
      let stored = try await Self.definitions(bench.file)
      #expect(SealedMark(stored.first?["body"]?["metadata"]?["api_key"] ?? .null) != nil)
      let commits = bench.file.commitNumber
      await bench.pass().run()
      #expect(bench.file.commitNumber == commits)
      let request = ClaimRequest(
        rooms: [ClaimRequest.Room(agent: TaskStoreBench.agent, places: 1)], places: 1, quarantineIsFree: false)
      #expect(try await bench.store.claim(request).first?.definition == Self.agent())
      #expect(try await bench.traces(of: "planted-body") == 0, "\(isFirst)")
    }
  }

  @Test("a rotation seals them anew, and a longer list what it names")
  func rotation() async throws {
    let fixture = try StoreFixture()
    let keys = try TestKeys()
    var bench = try await SealingBench(fixture, keys)
    let agent = Self.agent()
    for id in try bench.store.drawTaskIDs(count: 1) {
      _ = try await bench.store.submit(
        [NewTask(id: id, agent: "coder", input: "go")], key: nil, maximumUnfinished: 9, by: .local)
    }
    let request = ClaimRequest(
      rooms: [ClaimRequest.Room(agent: agent, places: 1)], places: 1, quarantineIsFree: false)
    _ = try await bench.store.beginEpoch()
    _ = try #require(try await bench.store.claim(request).first)
    try await bench.rotate()
    try await bench.rotate()
    #expect(try await KeyRingStore(file: bench.file).rows().map(\.state) == [.destroyed, .active, .destroyed, .active])
    bench.sealing.policy.fields = SensitiveFields(["api_key", "password", "token", "metadata"])
    await bench.pass().run()
    #expect(SealedMark(try await Self.definitions(bench.file).first?["body"]?["metadata"] ?? .null) != nil)
    await bench.file.close()
    bench = try await SealingBench(
      fixture, keys, fields: SensitiveFields(["api_key", "password", "token", "metadata"]))
    _ = try await bench.store.beginEpoch()
    let other = ClaimRequest(
      rooms: [ClaimRequest.Room(agent: TaskStoreBench.agent, places: 1)], places: 1, quarantineIsFree: false)
    #expect(try await bench.store.claim(other).first?.definition == agent)
    #expect(try await bench.traces(of: "planted-body") == 0)
  }

  @Test("a task whose definition does not open fails with that code, once told, and others go on")
  func damage() async throws {
    let fixture = try OldDatabase.fixture(tasks: 1)
    let bench = try await SealingBench(fixture, TestKeys())
    await bench.pass().run()
    _ = try await bench.store.beginEpoch()
    let tasks = try bench.store.drawTaskIDs(count: 2).map { NewTask(id: $0, agent: "coder", input: "go") }
    _ = try await bench.store.submit(tasks, key: nil, maximumUnfinished: 9, by: .local)
    let json = Self.agent().json
    let row: Int64 = 4
    try await bench.file.write(.essential) { context in
      // Sealed for another row: as if it had been moved here.
      let moved = try context.seal(definition: json, row: row + 1)
      try context.db.run(
        "INSERT INTO agent_version (id, digest, definition) VALUES (?, 'd', ?)", [row, try JournalBody.stored(moved)])
      try context.db.run("UPDATE task SET agent_version = ? WHERE id = ?", [row, tasks[0].id.number])
    }
    let request = ClaimRequest(
      rooms: [ClaimRequest.Room(agent: Self.agent(), places: 4)], places: 4, quarantineIsFree: false)
    #expect(try await bench.store.claim(request).map(\.task.id) == [tasks[1].id])
    let failed = try #require(try await bench.store.task(tasks[0].id))
    #expect(failed.status == .failed && failed.attempt == 1)
    #expect(failed.error?.code == "sealed_value_invalid")
    #expect(failed.error?.detail.contains("row 4 of table agent_version, column definition") == true)
    // The pass leaves it, keeps its key, and tells nothing new.
    try await bench.rotate()
    let told = fixture.log.withLock { $0.filter { $0.contains("error sealed_value_invalid") } }
    #expect(told.count == 1, "\(told)")
    #expect(fixture.logged("warning sealing_finished: 1 values or rows"))
    #expect(try await KeyRingStore(file: bench.file).rows()[0].state == .opening)
    await bench.file.close()
  }
}
