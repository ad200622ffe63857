import AgentCore
import AgentTestKit
import Dispatch
import Foundation
import GRDB
import Synchronization

@testable import AgentPersistence

/// A data folder with everything that a store is opened with. Each `open` is as a new start of the service.
final class StoreFixture: Sendable {
  let folder: TemporaryFolder
  let path: String
  let clock = ManualClock()
  let random = SeededRandom(seed: 7)
  let log = Mutex<[String]>([])
  let notices = Mutex<[CommitNotice]>([])
  /// The result code that a COMMIT gives, by its number; -1 as number stands for all.
  let faults = Mutex<[Int64: Int32]>([:])

  init(path: String? = nil) throws {
    folder = try TemporaryFolder("store")
    self.path = path ?? folder.path
  }

  var database: String { path + "/agent.db" }
  var wal: String { path + "/agent.db-wal" }

  func options(_ change: (inout StoreLimits) -> Void = { _ in }) -> StoreOptions {
    var limits = StoreLimits()
    limits.reservedBytes = 0
    limits.busyTimeoutMilliseconds = 100
    limits.idleMilliseconds = 20
    change(&limits)
    return StoreOptions(
      folder: path, clock: clock, random: random, limits: limits,
      onCommit: { [self] notice in notices.withLock { $0.append(notice) } },
      log: { [self] level, sentence in log.withLock { $0.append("\(level.rawValue) \(sentence)") } },
      commitFault: { [self] number in faults.withLock { $0[number] ?? $0[-1] ?? 0 } })
  }

  func open(_ change: (inout StoreLimits) -> Void = { _ in }) throws -> StoreFile {
    try StoreFile.open(options(change))
  }

  func logged(_ word: String) -> Bool { log.withLock { $0.contains { $0.contains(word) } } }

  func bytes(_ path: String) -> Data? { FileManager.default.contents(atPath: path) }

  func setFault(_ code: Int32?) { faults.withLock { $0 = code.map { [-1: $0] } ?? [:] } }
}

/// Holds the writer inside a closure until it is opened, so that a test decides what goes into the next batch.
final class WriterGate: Sendable {
  private let gate = DispatchSemaphore(value: 0)
  private let entered = Atomic<Bool>(false)

  /// The closure for the write that holds the writer.
  var closure: @Sendable (WriteContext) throws -> Void { { [self] _ in hold() } }

  /// Holds whoever calls until it is opened.
  func hold() {
    entered.store(true, ordering: .releasing)
    gate.wait()
  }

  var isEntered: Bool { entered.load(ordering: .acquiring) }
  func open() { gate.signal() }
}

/// Waits until it holds, giving way to others in between; false when it did not come true in some ten seconds.
func eventually(_ condition: @Sendable () async throws -> Bool) async rethrows -> Bool {
  let end = DispatchTime.now() + 180
  while DispatchTime.now() < end {
    if try await condition() { return true }
    // Between two looks the processor is the writer's, not this loop's.
    await withCheckedContinuation { continuation in
      DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(2)) { continuation.resume() }
    }
  }
  return false
}

extension StoreFile {
  /// Runs the writes as one batch: they queue up behind a closure that holds the writer. Results in their order.
  func together(_ writes: [Write]) async throws -> [Result<Int64, StoreError>] {
    let gate = WriterGate()
    async let holder: Void = write(.essential, gate.closure)
    _ = await eventually { gate.isEntered }
    let results = await withTaskGroup(of: (Int, Result<Int64, StoreError>).self) { group in
      for (index, body) in writes.enumerated() {
        group.addTask {
          (index, await self.outcome(body))
        }
        // One after the other, so that the order in the batch is that of the list.
        _ = await eventually { self.waitingWrites == index + 1 }
      }
      gate.open()
      var results: [Int: Result<Int64, StoreError>] = [:]
      for await (index, result) in group { results[index] = result }
      return results
    }
    try await holder
    return writes.indices.compactMap { results[$0] }
  }

  func outcome(_ body: @escaping Write) async -> Result<Int64, StoreError> {
    do throws(StoreError) {
      return .success(try await write(body))
    } catch {
      return .failure(error)
    }
  }

  func count(_ table: String) async throws -> Int {
    try await read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)") ?? 0 }
  }
}

typealias Write = @Sendable (WriteContext) throws -> Int64

/// A write that leaves one row in `name`.
func addName(_ text: String) -> Write {
  { context in
    try context.db.execute(sql: "INSERT INTO name (text) VALUES (?)", arguments: [text])
    return context.drawSequence()
  }
}

/// Another program: Python, which brings SQLite along.
struct OutsideProcess {
  static let isAvailable = (try? run("import sqlite3; print(1)")) == "1"

  /// Runs a script to its end; what it printed, without white space at the ends.
  static func run(_ script: String, _ arguments: String...) throws -> String {
    let (process, output, _) = try start(script, arguments)
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  static func start(_ script: String, _ arguments: [String]) throws -> (ChildProcess, output: Pipe, input: Pipe) {
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script] + arguments
    let (output, input) = (Pipe(), Pipe())
    (process.standardOutput, process.standardInput) = (output, input)
    try process.run()
    return (process, output, input)
  }
}
