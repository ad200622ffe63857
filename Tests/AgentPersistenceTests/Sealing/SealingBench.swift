import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Testing
import Vault

@testable import AgentPersistence

/// A store with a ring in its table, and what opens it again.
final class SealingBench: Sendable {
  let fixture: StoreFixture
  let keys: TestKeys
  let file: StoreFile
  let store: SQLiteTaskStore
  let sealing: StoreSealing
  var ring: KeyRing { sealing.ring }

  init(_ fixture: StoreFixture, _ keys: TestKeys, fields: SensitiveFields = .standard) async throws {
    (self.fixture, self.keys) = (fixture, keys)
    file = try fixture.open()
    let table = KeyRingStore(file: file)
    if try await table.rows().isEmpty { try await table.insertFirst(try keys.firstRows()) }
    sealing = StoreSealing(ring: try keys.ring(try await table.rows()), policy: SensitivePolicy(fields))
    store = try await SQLiteTaskStore(
      file: file, clock: fixture.clock, digester: FixedDigester(), sealing: sealing)
  }

  func pass(_ change: (inout SealingPass.Limits) -> Void = { _ in }) -> SealingPass {
    var limits = SealingPass.Limits()
    change(&limits)
    return SealingPass(file: file, sealing: sealing, clock: fixture.clock, limits: limits)
  }

  /// A new field key is in use, and the pass that follows has run.
  func rotate() async throws {
    let (new, opening) = try ring.newActiveFieldRow(at: Timestamp(milliseconds: 9))
    try ring.adopt(try await KeyRingStore(file: file).addActive(new, opening: opening))
    await pass().run()
  }

  func goal() async throws -> SealingGoal? { try await file.read { try $0.sealingGoal() } }

  /// How often the text stands in the database, with its WAL as it is now; the file is closed for that.
  func traces(of text: String) async throws -> Int {
    let wal = fixture.bytes(fixture.wal) ?? Data()
    await file.close()
    return Self.count(text, in: wal) + Self.count(text, in: try #require(fixture.bytes(fixture.database)))
  }

  private static func count(_ text: String, in bytes: Data) -> Int {
    var (count, rest) = (0, bytes[...])
    while let found = rest.range(of: Data(text.utf8)) { (count, rest) = (count + 1, rest[found.upperBound...]) }
    return count
  }

  func clear(_ task: Int64) async throws -> ClearValues { try await store.clearValues(of: TaskID(number: task)) }
}

extension OldDatabase {
  /// The same in a folder of its own, for stores to open.
  static func fixture(tasks: Int) throws -> StoreFixture {
    let fixture = try StoreFixture()
    try make(at: fixture.database, tasks: tasks)
    return fixture
  }
}
