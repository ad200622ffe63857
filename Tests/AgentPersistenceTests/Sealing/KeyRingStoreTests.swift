import AgentCore
import AgentTestKit
import Testing
import Vault

@testable import AgentPersistence

@Suite struct KeyRingStoreTests {
  @Test("a ring is stored once, and comes back as it was after a start")
  func first() async throws {
    let fixture = try StoreFixture()
    let keys = try TestKeys()
    var file = try fixture.open()
    #expect(try await KeyRingStore(file: file).rows() == [])
    let rows = try keys.firstRows(at: Timestamp(milliseconds: 5))
    try await KeyRingStore(file: file).insertFirst(rows)
    await #expect(throws: StoreError.self) { try await KeyRingStore(file: file).insertFirst(rows) }
    await file.close()
    file = try fixture.open()
    #expect(try await KeyRingStore(file: file).rows() == rows)
    await file.close()
  }

  @Test("a new key takes the old one's place in one commit, or nothing changes")
  func active() async throws {
    let fixture = try StoreFixture()
    let keys = try TestKeys()
    let file = try fixture.open()
    let store = KeyRingStore(file: file)
    try await store.insertFirst(try keys.firstRows())
    let ring = try keys.ring(try await store.rows())
    let (new, opening) = try ring.newActiveFieldRow(at: Timestamp(milliseconds: 9))
    await #expect(throws: StoreError.self) { try await store.addActive(new, opening: 2) }
    #expect(try await store.rows().map(\.state) == [.active, .active])
    let rows = try await store.addActive(new, opening: opening)
    #expect(rows.map(\.state) == [.opening, .active, .active] && rows.map(\.id) == [1, 2, 3])
    #expect(try await store.rows() == rows)
    try ring.adopt(rows)
    #expect(ring.activeFieldKey == 3)
    await file.close()
  }

  @Test("a ring with two active field keys, or with none, is refused, and one that is adopted so stays as it was")
  func activeKeys() throws {
    let keys = try TestKeys()
    var rows = try keys.firstRows()
    let ring = try keys.ring(rows)
    rows.append(try ring.newActiveFieldRow(at: Timestamp(milliseconds: 9)).new)
    #expect(#expect(throws: VaultError.self) { try keys.ring(rows) }?.code == "key_ring_invalid")
    #expect(#expect(throws: VaultError.self) { try ring.adopt(rows) }?.code == "key_ring_invalid")
    #expect(ring.activeFieldKey == 1)
    (rows[0].state, rows[2].state) = (.opening, .opening)
    #expect(#expect(throws: VaultError.self) { try keys.ring(rows) }?.code == "key_ring_invalid")
    rows[2].state = .active
    #expect(try keys.ring(rows).activeFieldKey == 3)
  }

  @Test("wraps are replaced all together or not at all")
  func wraps() async throws {
    let fixture = try StoreFixture()
    let file = try fixture.open()
    let store = KeyRingStore(file: file)
    let rows = try TestKeys().firstRows()
    try await store.insertFirst(rows)
    await #expect(throws: StoreError.self) { try await store.setWraps([1: ([1], [2]), 9: ([3], nil)]) }
    #expect(try await store.rows() == rows)
    let wrapped = try await store.setWraps([1: ([1], [2]), 2: ([3], nil)])
    #expect(wrapped.map(\.wrapped) == [[1], [3]] && wrapped.map(\.otherWrap) == [[2], nil])
    await file.close()
  }
}
