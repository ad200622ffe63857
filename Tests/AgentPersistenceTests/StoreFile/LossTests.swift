import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Testing

@testable import AgentPersistence

@Suite struct LossTests {
  /// A store that was killed: its files as they lie on the disk while it runs.
  private func killedCopy(of fixture: StoreFixture, without: String? = nil) throws -> StoreFixture {
    let copy = try StoreFixture()
    for name in ["agent.db", "agent.db-wal", "wal.position"] where name != without {
      try FileManager.default.copyItem(atPath: fixture.path + "/" + name, toPath: copy.path + "/" + name)
    }
    return copy
  }

  private func storeWithHistory(_ fixture: StoreFixture) async throws -> (StoreFile, recorded: Int64) {
    let store = try fixture.open()
    _ = try store.drawTaskIDs(count: 10)
    for index in 0..<5 { _ = try await store.write(addName("name \(index)")) }
    let number = store.commitNumber
    let file = WALPosition.File(folder: fixture.path)
    #expect(await eventually { (try? file.read()?.commitNumber) == number })
    return (store, number)
  }

  @Test("A kill loses nothing: the start takes the WAL up")
  func kill() async throws {
    let fixture = try StoreFixture()
    let (store, recorded) = try await storeWithHistory(fixture)
    let copy = try killedCopy(of: fixture)
    let again = try copy.open()
    #expect(again.commitNumber > recorded)
    #expect(try await again.count("name") == 5)
    #expect(try again.drawTaskIDs(count: 1) == [TaskID(number: 11)])
    await again.close()
    await store.close()
  }

  @Test("An outside reader that takes the WAL in after a kill must not refuse the start")
  func outsideCheckpoint() async throws {
    let fixture = try StoreFixture()
    let (store, _) = try await storeWithHistory(fixture)
    let copy = try killedCopy(of: fixture)
    let queue = try DatabaseQueue(path: copy.database)
    _ = try await queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM name") }
    try queue.close()
    #expect(!FileManager.default.fileExists(atPath: copy.wal))
    let again = try copy.open()
    #expect(try await again.count("name") == 5)
    await again.close()
    await store.close()
  }

  @Test("A WAL or a database that went is told with both numbers", arguments: ["agent.db-wal", "agent.db"])
  func missing(name: String) async throws {
    let fixture = try StoreFixture()
    let (store, recorded) = try await storeWithHistory(fixture)
    let copy = try killedCopy(of: fixture, without: name)
    if name == "agent.db" { try FileManager.default.removeItem(atPath: copy.wal) }
    do {
      _ = try copy.open()
      Issue.record("opened")
    } catch let error as StoreStartError {
      #expect(error.code == .walMissing)
      #expect(error.exitCode == 1)
      #expect(error.detail.contains("commit \(recorded)"))
      #expect(error.detail.contains("accept-loss"))
    }
    if name == "agent.db" { #expect(!FileManager.default.fileExists(atPath: copy.database)) }
    await store.close()
  }

  @Test("Accepting the loss jumps over every number that can have been given out, and only once")
  func acceptLoss() async throws {
    let fixture = try StoreFixture()
    let (store, recorded) = try await storeWithHistory(fixture)
    let position = try #require(try WALPosition.File(folder: fixture.path).read())
    #expect(position.nextTask == 11)
    #expect(position.nextSequence == 6)
    let copy = try killedCopy(of: fixture, without: "agent.db-wal")
    copy.clock.advance(by: .seconds(60))
    let accepted = try await StoreFile.acceptLoss(copy.options())
    #expect(accepted?.recordedCommit == recorded)
    // A minute, and the second that the position may be old.
    let (nextTask, nextSequence): (Int64, Int64) = (11 + 61 * 20_000, 6 + 61 * 100_000)
    #expect(accepted?.nextTask == nextTask)
    #expect(accepted?.nextSequence == nextSequence)
    let again = try copy.open()
    #expect(again.commitNumber > recorded)
    #expect(try again.drawTaskIDs(count: 1) == [TaskID(number: nextTask)])
    #expect(try await again.write { $0.drawSequence() } == nextSequence)
    await again.close()
    #expect(try await StoreFile.acceptLoss(copy.options()) == nil)
    await store.close()
  }

  @Test("A clock that is wrong by ages does not use the numbers up")
  func absurdClock() {
    var state = CommitState()
    state.installation = 1
    var old = CommitState()
    old.commitNumber = 3
    let accepted = state.jump(over: WALPosition(old), now: Timestamp(milliseconds: .max))
    let most: Int64 = 1 << 53
    #expect(accepted?.nextTask ?? 0 > 1_000_000)
    #expect(accepted?.nextTask ?? .max <= most)
    #expect(accepted?.nextSequence ?? .max <= most)
  }

  @Test("The database of another installation is not taken for ours")
  func otherInstallation() async throws {
    let (first, second) = (try StoreFixture(), try StoreFixture())
    let (one, _) = try await storeWithHistory(first)
    await one.close()
    _ = second.random.next()
    let other = try second.open()
    for index in 0..<20 { _ = try await other.write(addName("name \(index)")) }
    await other.close()
    try FileManager.default.removeItem(atPath: first.database)
    try FileManager.default.copyItem(atPath: second.database, toPath: first.database)
    #expect(throws: StoreStartError.self) { try first.open() }
    #expect(try await StoreFile.acceptLoss(first.options()) != nil)
    let again = try first.open()
    #expect(try await again.count("name") == 20)
    await again.close()
  }

  @Test("A position that is no position keeps nothing from starting")
  func nonsensePosition() async throws {
    let fixture = try StoreFixture()
    try Data("{".utf8).write(to: URL(fileURLWithPath: fixture.path + "/wal.position"))
    let store = try fixture.open()
    await store.close()
  }

  @Test("Time of the commits never falls, over restarts and accepted losses either, and says when the clock is behind")
  func timeNeverFalls() async throws {
    let fixture = try StoreFixture()
    var store = try fixture.open()
    let first = try await store.write { $0.now }
    fixture.clock.jump(to: Timestamp(milliseconds: first.milliseconds - 60_000))
    #expect(try await store.write { $0.now } == first)
    #expect(!store.isClockBehind)
    fixture.clock.jump(to: Timestamp(milliseconds: first.milliseconds - 301_000))
    #expect(try await store.write { $0.now } == first)
    #expect(store.isClockBehind)
    #expect(await eventually { fixture.logged("clock_behind: UTC") })
    await store.close()
    store = try fixture.open()
    #expect(try await store.write { $0.now } == first)
    fixture.clock.jump(to: Timestamp(milliseconds: first.milliseconds + 5))
    #expect(try await store.write { $0.now }.milliseconds == first.milliseconds + 5)
    #expect(!store.isClockBehind)
    #expect(await eventually { fixture.logged("clock_jumped") && fixture.logged("clock_behind: over") })
    await store.close()
  }

  @Test("While the clock is behind, time goes on at half its pace until the clock has caught up")
  func timeGoesOn() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let first = try await store.write { $0.now }
    fixture.clock.jump(to: Timestamp(milliseconds: first.milliseconds - 60_000))
    #expect(try await store.write { $0.now } == first)
    fixture.clock.advance(by: .seconds(20))
    #expect(try await store.write { $0.now }.milliseconds == first.milliseconds + 10_000)
    fixture.clock.advance(by: .seconds(100))
    #expect(try await store.write { $0.now }.milliseconds == first.milliseconds + 60_000)
    fixture.clock.advance(by: .seconds(1))
    #expect(try await store.write { $0.now }.milliseconds == first.milliseconds + 61_000)
    fixture.clock.jump(to: first)
    #expect(try await store.write { $0.now }.milliseconds == first.milliseconds + 61_000)
    fixture.clock.advance(by: .seconds(2))
    #expect(try await store.write { $0.now }.milliseconds == first.milliseconds + 62_000)
    await store.close()
  }

  @Test("Service time counts the time that a process serves, however the clock jumps")
  func serviceTime() async throws {
    let fixture = try StoreFixture()
    var store = try fixture.open()
    fixture.clock.advance(by: .seconds(10))
    fixture.clock.jump(to: Timestamp(milliseconds: 0))
    #expect(try await store.write { $0.serviceMilliseconds } == 10_000)
    await store.close()
    fixture.clock.advance(by: .seconds(3600))
    store = try fixture.open()
    fixture.clock.advance(by: .seconds(5))
    #expect(try await store.write { $0.serviceMilliseconds } == 15_000)
    await store.close()
  }

  @Test("The epoch and the highest deleted sequence are kept")
  func keptNumbers() async throws {
    let fixture = try StoreFixture()
    var store = try fixture.open()
    _ = try await store.write { context in
      context.epoch += 1
      context.noteDeleted(upTo: 17)
    }
    await store.close()
    store = try fixture.open()
    #expect(store.epoch == 1)
    #expect(store.highestSequenceDeleted == 17)
    #expect(try await store.write { $0.epoch } == 1)
    await store.close()
  }
}
