import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Glibc
import Testing

@testable import AgentPersistence

@Suite struct StoreFailureTests {
  @Test(
    "A COMMIT that fails is told to all of its batch; the next write finds a new connection and goes on",
    arguments: [
      (Int32(1034), StoreError.Code.storageIOError), (13, .diskFull), (8, .storageReadOnly), (10, .storageIOError),
    ])
  func failedCommit(code: Int32, expected: StoreError.Code) async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open { $0.idleMilliseconds = 60_000 }
    _ = try await store.write { context in
      context.count(.tasks, "1:0", by: 3)
      return try addName("before")(context)
    }
    let walBefore = try inode(fixture.wal)
    fixture.faults.withLock { $0 = [store.commitNumber + 2: code] }
    let results = try await store.together([
      addName("a"),
      { context in
        context.count(.tasks, "1:0", by: 1)
        return try addName("b")(context)
      },
    ])
    #expect(results.map(\.failureCode) == [expected, expected])
    #expect(store.condition?.code == expected)
    #expect(store.counters() == [CounterKey(name: .tasks, label: "1:0"): 3])
    #expect(try await store.count("name") == 1)
    fixture.setFault(nil)
    // Of the two that failed no number is left over, and none is given twice.
    #expect(try await store.write(addName("after")) == 2)
    #expect(store.condition == nil)
    #expect(fixture.logged("storage_recovered"))
    let settings = try await store.write { try Int.fetchOne($0.db, sql: "PRAGMA synchronous") }
    #expect(settings == 2)
    // The readers held the WAL while the writer was away.
    #expect(try inode(fixture.wal) == walBefore)
    #expect(try await store.read { try String.fetchAll($0, sql: "SELECT text FROM name") } == ["before", "after"])
    await store.close()
  }

  @Test("A store that failed comes back by itself, without a write")
  func comesBack() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    fixture.setFault(1034)
    await #expect(throws: StoreError.self) { try await store.write(addName("a")) }
    #expect(store.condition?.code == .storageIOError)
    fixture.setFault(nil)
    #expect(await eventually { store.condition == nil })
    await store.close()
  }

  @Test("A writer that finds its file gone makes no new one, and goes on once it is back")
  func fileMovedAway() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    _ = try await store.write(addName("a"))
    let aside = fixture.path + "/aside"
    try FileManager.default.moveItem(atPath: fixture.database, toPath: aside)
    fixture.setFault(1034)
    for _ in 0..<2 { #expect(await store.outcome(addName("b")).failureCode == .storageIOError) }
    fixture.setFault(nil)
    #expect(await store.outcome(addName("c")).failureCode == .storageIOError)
    #expect(!FileManager.default.fileExists(atPath: fixture.database))
    #expect(try await store.count("name") == 1)
    try FileManager.default.moveItem(atPath: aside, toPath: fixture.database)
    #expect(await eventually { store.condition == nil })
    _ = try await store.write(addName("d"))
    #expect(try await store.count("name") == 2)
    await store.close()
  }

  @Test("Task numbers of a commit that failed are not given again")
  func numbersOfFailedCommit() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    #expect(try store.drawTaskIDs(count: 2).map(\.number) == [1, 2])
    fixture.setFault(1034)
    await #expect(throws: StoreError.self) { try await store.write(addName("a")) }
    fixture.setFault(nil)
    #expect(try store.drawTaskIDs(count: 1).map(\.number) == [3])
    _ = try await store.write(addName("b"))
    await store.close()
    let again = try fixture.open()
    #expect(try again.drawTaskIDs(count: 1).map(\.number) == [4])
    await again.close()
  }

  @Test("Damage found later stops the writer for good, and reads go on", arguments: [Int32(11), 26])
  func damage(code: Int32) async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    _ = try await store.write(addName("a"))
    let damage = await store.outcome { _ in
      throw DatabaseError(resultCode: ResultCode(rawValue: code), message: "page 3")
    }
    #expect(damage.failureCode == .databaseCorrupt)
    for _ in 0..<2 { #expect(await store.outcome(addName("b")).failureCode == .databaseCorrupt) }
    #expect(store.condition?.code == .databaseCorrupt)
    #expect(fixture.logged("database_corrupt"))
    #expect(try await store.count("name") == 1)
    await store.close()
  }

  @Test("A slow commit is told of")
  func slowDisk() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    _ = try await store.write { [clock = fixture.clock] _ in clock.advance(by: .milliseconds(1500)) }
    #expect(fixture.logged("disk_slow"))
    await store.close()
  }

  @Test(
    "A lock that an outside program holds is told as busy, and over when it is",
    .enabled(if: OutsideProcess.isAvailable, "needs python3 with sqlite3"))
  func outsideLock() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let script = """
      import sqlite3, sys
      db = sqlite3.connect(sys.argv[1], isolation_level=None)
      db.execute("BEGIN IMMEDIATE")
      print("locked", flush=True)
      sys.stdin.read()
      db.execute("ROLLBACK")
      """
    let (process, output, input) = try OutsideProcess.start(script, [fixture.database])
    #expect(try output.fileHandleForReading.read(upToCount: 6) == Data("locked".utf8))
    #expect(await store.outcome(addName("a")).failureCode == .storageBusy)
    #expect(store.condition?.code == .storageBusy)
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
    #expect(await eventually { store.condition == nil })
    _ = try await store.write(addName("b"))
    #expect(try await store.count("name") == 1)
    await store.close()
  }

  private func inode(_ path: String) throws -> UInt64 {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? UInt64)
  }
}

/// On file systems of their own, which only root can mount.
@Suite(.serialized, .enabled(if: MountedFolder.isPossible, "only root can mount")) struct SmallDiskTests {
  @Test("A disk that fills up loses no acknowledgement, and takes writes again once there is room")
  func fullDisk() async throws {
    let mount = try MountedFolder(options: "size=2m,mode=0700")
    let fixture = try StoreFixture(path: mount.path)
    let store = try fixture.open()
    let blob = String(repeating: "x", count: 20_000)
    var acknowledged: [Int64] = []
    var refusal: StoreError.Code?
    for index in 0..<200 where refusal == nil {
      let outcome = await store.outcome(addName("\(index) \(blob)"))
      refusal = outcome.failureCode
      if let number = outcome.value { acknowledged.append(number) }
    }
    #expect(refusal == .diskFull)
    #expect(!acknowledged.isEmpty)
    #expect(try await store.count("name") == acknowledged.count)
    try mount.remount("size=16m")
    #expect(await eventually { store.condition == nil })
    acknowledged.append(try await store.write(addName("last")))
    #expect(acknowledged == Array(1...Int64(acknowledged.count)))
    await store.close()
    let again = try fixture.open()
    #expect(try await again.count("name") == acknowledged.count)
    let isWhole = try await again.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") }
    #expect(isWhole == "ok")
    await again.close()
  }

  @Test("A read-only file system is refused at the start")
  func readOnly() async throws {
    let mount = try MountedFolder(options: "size=8m,mode=0700")
    let fixture = try StoreFixture(path: mount.path)
    let store = try fixture.open()
    _ = try await store.write(addName("a"))
    await store.close()
    try mount.remount("ro")
    do {
      _ = try fixture.open()
      Issue.record("opened")
    } catch let error as StoreStartError {
      #expect(error.code == .storageReadOnly)
      #expect(error.exitCode == 1)
    }
    try mount.remount("rw")
    let again = try fixture.open()
    #expect(try await again.count("name") == 1)
    await again.close()
  }
}

/// A tmpfs of its own, unmounted with the value.
final class MountedFolder: Sendable {
  let path: String
  private let folder: TemporaryFolder

  static let isPossible: Bool = {
    guard geteuid() == 0, let probe = try? MountedFolder(options: "size=1m") else { return false }
    return FileManager.default.fileExists(atPath: probe.path)
  }()

  init(options: String) throws {
    folder = try TemporaryFolder("mount")
    path = folder.path
    try Self.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path)
  }

  func remount(_ option: String) throws { try Self.run("mount", "-o", "remount,\(option)", path) }

  private static func run(_ arguments: String...) throws {
    struct Failure: Error {}
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure() }
  }

  deinit {
    // Lazily, since a test that failed may have left a file open; a mount that never was is no failure.
    try? Self.run("umount", "-l", path)
  }
}
