import AgentCore
import AgentTestKit
import GRDB
import GRDBSQLite
import Synchronization
import Testing

@testable import AgentPersistence

@Suite("Claiming")
struct ClaimTests {
  @Test("an owner's single task comes second behind another owner's ten thousand")
  func fairness() async throws {
    let bench = try await TaskStoreBench()
    for _ in 0..<10 { try await bench.submit(1000, priority: 9, by: .uid(1)) }
    let single = try await bench.submit(priority: 0, by: .uid(2))[0]
    let claimed = try await bench.claim(2)
    #expect(claimed.map(\.task.id).contains(single))
    #expect(try await bench.claim(3).allSatisfy { $0.task.owner == .uid(1) })
    #expect(bench.store.counts().byStatus == [.pending: 9996, .running: 5])
  }

  @Test("agents take turns, from one request to the next too")
  func agentsTakeTurns() async throws {
    let bench = try await TaskStoreBench()
    try await bench.submit(20)
    try await bench.submit(20, agent: "writer")
    let both = [TaskStoreBench.agent, TaskStoreBench.otherAgent]
    let together = try await bench.claim(6, agents: both)
    #expect(together.count { $0.task.agent == "coder" } == 3)
    var alone: [AgentID] = []
    for _ in 0..<4 { alone += try await bench.claim(1, agents: both).map(\.task.agent) }
    #expect(alone.count { $0 == "coder" } == 2)
  }

  @Test("places of the request and of each agent bound what is claimed, and 64 does")
  func bounds() async throws {
    let bench = try await TaskStoreBench()
    try await bench.submit(100)
    let room = ClaimRequest.Room(agent: TaskStoreBench.agent, places: 2)
    let few = try await bench.store.claim(ClaimRequest(rooms: [room], places: 10, quarantineIsFree: false))
    #expect(few.count == 2)
    #expect(try await bench.claim(90).count == 64)
    #expect(try await bench.claim(90).count == 34)
    #expect(try await bench.claim(90).isEmpty)
  }

  @Test("waiting lifts a priority by one a minute, to 8 at most, and a fresh 9 goes before")
  func aging() async throws {
    let bench = try await TaskStoreBench()
    let low = try await bench.submit(priority: 3)[0]
    bench.clock.advance(by: .seconds(119))
    let fresh = try await bench.submit(priority: 5)[0]
    // 3 + 1 full minute is still below 5.
    #expect(try await bench.claim().map(\.task.id) == [fresh])
    bench.clock.advance(by: .seconds(1))
    _ = try await bench.submit(priority: 5)
    // 3 + 2 is 5, and older.
    #expect(try await bench.claim().map(\.task.id) == [low])
    bench.clock.advance(by: .seconds(3600))
    let urgent = try await bench.submit(priority: 9)[0]
    let eight = try await bench.submit(priority: 8)[0]
    #expect(try await bench.claim().map(\.task.id) == [urgent])
    // The aged one reached 8 and is older than the fresh 8.
    #expect(try await bench.claim().first?.task.id != eight)
    #expect(try await bench.claim().map(\.task.id) == [eight])
  }

  @Test("equal priorities go by age")
  func age() async throws {
    let bench = try await TaskStoreBench()
    let ids = try await bench.submit(5)
    #expect(try await bench.claim(5).map(\.task.id) == ids)
  }

  @Test("a task not due yet is not claimed until it is promoted")
  func runAfter() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    let due = bench.clock.now().adding(.seconds(5))
    try await bench.advance(claimed, .retrying(Failure(code: "e", detail: ""), after: .seconds(5)))
    let task = try await bench.task(claimed.task.id)
    #expect(task.status == .pending && task.attempt == 2 && task.runAfter == due)
    #expect(try await bench.store.promoteDue(limit: 10) == 0)
    #expect(try await bench.claim().isEmpty)
    bench.clock.advance(by: .seconds(5))
    _ = bench.notices.take()
    let before = try await bench.types(task.id)
    #expect(try await bench.store.promoteDue(limit: 10) == 1)
    #expect(try await bench.types(task.id) == before)
    try await bench.expectTrueCounters()
    #expect(try await bench.claim().map(\.task.id) == [task.id])
  }

  @Test("an agent disabled after the request was made gets nothing")
  func disabled() async throws {
    let bench = try await TaskStoreBench()
    try await bench.submit()
    #expect(try await bench.store.setDisabled(true, agent: "coder", by: .local).isDisabled)
    #expect(try await bench.claim().isEmpty)
    _ = try await bench.store.setDisabled(false, agent: "coder", by: .local)
    #expect(try await bench.claim().count == 1)
  }

  /// SQLite's virtual-machine steps, in hundreds, that the writer takes for one claim.
  private func cost(of claim: () async throws -> [ClaimedTask], _ bench: TaskStoreBench) async throws -> Int {
    let ticks = StepMeter()
    let address = Unmanaged.passRetained(ticks)
    defer { address.release() }
    let handle = UInt(bitPattern: address.toOpaque())
    try await bench.file.write { context in
      sqlite3_progress_handler(
        context.db.sqliteConnection, 10,
        { pointer in
          guard let pointer else { return 0 }
          Unmanaged<StepMeter>.fromOpaque(pointer).takeUnretainedValue().count.wrappingAdd(1, ordering: .relaxed)
          return 0
        }, UnsafeMutableRawPointer(bitPattern: handle))
    }
    let before = ticks.count.load(ordering: .relaxed)
    #expect(try await claim().count == 1)
    let cost = ticks.count.load(ordering: .relaxed) - before
    try await bench.file.write { context in sqlite3_progress_handler(context.db.sqliteConnection, 0, nil, nil) }
    return cost
  }

  private final class StepMeter: Sendable {
    let count = Atomic<Int>(0)
  }

  @Test("another agent's mass, and an own one, cost a claim nothing")
  func costs() async throws {
    let bench = try await TaskStoreBench()
    try await bench.submit(3)
    _ = try await bench.claim()
    let alone = try await cost(of: { try await bench.claim() }, bench)
    for owner in 1...4 { try await bench.submit(1000, agent: "writer", by: .uid(UInt32(owner))) }
    let besideMass = try await cost(of: { try await bench.claim() }, bench)
    for owner in 1...4 { try await bench.submit(1000, priority: owner, by: .uid(UInt32(owner))) }
    let amidMass = try await cost(of: { try await bench.claim() }, bench)
    #expect(alone > 0)
    #expect(besideMass <= alone * 2, "\(alone) became \(besideMass)")
    #expect(amidMass <= alone * 2, "\(alone) became \(amidMass)")
  }

  @Test("a task keeps its definition until its agent is restarted or it begins afresh")
  func pinning() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    try await bench.advance(claimed, .requeued(reason: "shutdown"))
    var newer = TaskStoreBench.agent
    newer.instructions = "Write better code."
    try await bench.reopen()
    _ = try await bench.store.beginEpoch()
    let again = try #require(try await bench.claim(agents: [newer]).first)
    #expect(again.definition == TaskStoreBench.agent)
    try await bench.advance(again, .requeued(reason: "agent_restart"))
    let state = try await bench.store.restartAgent("coder", by: .local)
    #expect(state.generation == 1 && !state.isDisabled)
    let third = try #require(try await bench.claim(agents: [newer]).first)
    #expect(third.definition == newer)
    // The older definition again: only a fresh beginning takes it.
    try await bench.advance(third, .broken)
    _ = try await bench.store.retry(third.task.id, from: .lastStep, by: .local)
    let fourth = try #require(try await bench.claim().first)
    #expect(fourth.definition == newer)
    try await bench.advance(fourth, .broken)
    _ = try await bench.store.retry(third.task.id, from: .beginning, by: .local)
    #expect(try await bench.claim().first?.definition == TaskStoreBench.agent)
  }
}
