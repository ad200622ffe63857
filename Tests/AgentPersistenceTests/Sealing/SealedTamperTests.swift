import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Testing

@testable import AgentPersistence

@Suite("Sealed values that were tampered with")
struct SealedTamperTests {
  /// The stored body of a task's first row.
  private func body(_ bench: TaskStoreBench, _ id: TaskID) async throws -> Data {
    try await bench.file.read { db in
      try #require(
        try Data.fetchOne(db, sql: "SELECT body FROM journal WHERE task = ? AND type = 1", arguments: [id.number]))
    }
  }

  private func put(_ body: Data, _ id: TaskID, _ bench: TaskStoreBench) async throws {
    try await bench.file.write(.essential) { context in
      try context.db.run("UPDATE journal SET body = ? WHERE task = ? AND type = 1", [body, id.number])
    }
  }

  private static let codes: Set<StoreError.Code> = [.sealedValueInvalid, .keyUnknown, .sealedFormatUnknown]

  private func expectRefused(_ id: TaskID, _ bench: TaskStoreBench, _ comment: Comment) async throws {
    let code = try await bench.code { _ = try await $0.clearValues(of: id) }
    #expect(code.map { Self.codes.contains($0) } == true, comment)
    #expect(try await bench.task(id).input == ["api_key": "[sealed]", "prompt": "go"], comment)
  }

  @Test("each bit of a sealed value's bytes, flipped, is refused by its own error, and shown as [sealed]")
  func bits() async throws {
    let bench = try await TaskStoreBench()
    let id = try await bench.submit(input: ["api_key": "s3cret-s3cret", "prompt": "go"])[0]
    let whole = try await body(bench, id)
    let stored = try JournalBody.opened(whole)
    let mark = try #require(SealedMark(stored["input"]?["api_key"] ?? .null))
    let sealed = try #require(mark.sealed)
    var codes: [Int: StoreError.Code] = [:]
    for bit in 0..<sealed.count * 8 {
      var bytes = sealed
      bytes[bit / 8] ^= 1 << (bit % 8)
      let changed: JSONValue = [
        "input": ["api_key": SealedMark(bytes).stored, "prompt": "go"], "metadata": stored["metadata"] ?? .null,
      ]
      try await put(JSONColumn.encode(changed), id, bench)
      codes[bit / 8] = try await bench.code { _ = try await $0.clearValues(of: id) }
      try await expectRefused(id, bench, "bit \(bit)")
    }
    #expect(codes[0] == .sealedFormatUnknown && codes[1] == .sealedFormatUnknown)
    #expect((2...5).allSatisfy { codes[$0] == .keyUnknown })
    #expect((6..<sealed.count).allSatisfy { codes[$0] == .sealedValueInvalid })
    try await put(whole, id, bench)
    #expect(try await bench.store.clearValues(of: id).reveal(path: "api_key") == "s3cret-s3cret")
  }

  @Test("each bit of its text in the file, flipped, is refused too, and takes nothing else of the row with it")
  func textBits() async throws {
    let bench = try await TaskStoreBench()
    let id = try await bench.submit(input: ["api_key": "s3cret-s3cret", "prompt": "go"])[0]
    let whole = try await body(bench, id)
    let start = try #require(whole.range(of: Data("\"$sealed\":\"".utf8))).upperBound
    let end = try #require(whole[start...].range(of: Data("\"".utf8))).lowerBound
    for bit in 0..<(end - start) * 8 {
      var bytes = whole
      bytes[start + bit / 8] ^= 1 << (bit % 8)
      try await put(bytes, id, bench)
      try await expectRefused(id, bench, "bit \(bit)")
    }
  }

  @Test("values of two rows that change places do not open, nor in another member of the same row")
  func swapped() async throws {
    let bench = try await TaskStoreBench()
    let ids = try await bench.submit(2, input: ["api_key": "s3cret-s3cret", "prompt": "go"])
    let bodies = [try await body(bench, ids[0]), try await body(bench, ids[1])]
    try await put(bodies[1], ids[0], bench)
    try await put(bodies[0], ids[1], bench)
    for id in ids {
      #expect(try await bench.code { _ = try await $0.clearValues(of: id) } == .sealedValueInvalid)
      try await expectRefused(id, bench, "swapped")
    }
    var moved = try JournalBody.opened(bodies[0])
    moved = ["input": ["token": moved["input"]?["api_key"] ?? .null], "metadata": nil]
    try await put(JSONColumn.encode(moved), ids[0], bench)
    #expect(try await bench.code { _ = try await $0.clearValues(of: ids[0]) } == .sealedValueInvalid)
  }

  @Test("another ring's key of the same number does not open it; one line tells of each value, with its place")
  func otherKey() async throws {
    let fixture = try StoreFixture()
    var file = try fixture.open()
    func store() async throws -> SQLiteTaskStore {
      let sealing = StoreSealing(ring: try TestKeys.ring(), policy: SensitivePolicy())
      return try await SQLiteTaskStore(file: file, clock: fixture.clock, digester: FixedDigester(), sealing: sealing)
    }
    let first = try await store()
    let id = try first.drawTaskIDs(count: 1)[0]
    _ = try await first.submit(
      [NewTask(id: id, agent: "a", input: ["token": "12345678"])], key: nil, maximumUnfinished: 9, by: .local)
    #expect(try await first.clearValues(of: id).reveal(path: "token") == "12345678")
    await file.close()
    file = try fixture.open()
    let second = try await store()
    for _ in 0..<3 {
      await #expect {
        try await second.clearValues(of: id)
      } throws: { ($0 as? StoreError)?.code == .sealedValueInvalid }
    }
    let told = fixture.log.withLock { $0.filter { $0.contains("sealed_value_invalid") } }
    #expect(told.count == 1)
    #expect(told.first?.contains("error sealed_value_invalid: ") == true)
    #expect(told.first?.contains("row 1 of table journal, column body, member /input/token") == true)
    #expect(try await second.task(id)?.input == ["token": "[sealed]"])
    await file.close()
  }
}
