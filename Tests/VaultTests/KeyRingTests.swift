import AgentCore
import AgentTestKit
import Foundation
import Testing

@testable import Vault

@Suite struct KeyRingTests {
  private let place = RingFixture.place

  @Test("what a ring seals has the format's head, opens at its place, and is another each time")
  func format() throws {
    let ring = try RingFixture().ring()
    let clear = Array("hunter2-hunter2".utf8)
    let (first, second) = (try ring.seal(clear, at: place), try ring.seal(clear, at: place))
    #expect(first[0] == 1 && first[1] == 1 && Array(first[2..<6]) == [0, 0, 0, 1])
    #expect(first.count == 6 + 12 + clear.count + 16)
    #expect(ring.keyID(ofSealed: first) == 1 && ring.activeFieldKey == 1)
    #expect(first != second && Array(first[6..<18]) != Array(second[6..<18]))
    #expect(try ring.open(first, at: place) == clear)
    #expect(try ring.open(try ring.seal([], at: place), at: place) == [])
  }

  @Test("each single bit changed is refused, by its own error")
  func everyBit() throws {
    let ring = try RingFixture().ring()
    let sealed = try ring.seal(Array("a secret of some length".utf8), at: place)
    for bit in 0..<sealed.count * 8 {
      var changed = sealed
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      let expected: SealFailure =
        switch bit / 8 {
        case 0, 1: .formatUnknown
        // No other key of the ring seals fields: the digest key's number is unknown here too.
        case 2...5: .keyUnknown
        default: .invalid
        }
      #expect(throws: expected) { try ring.open(changed, at: place) }
    }
    for count in 0..<sealed.count {
      #expect(throws: SealFailure.self) { try ring.open(Array(sealed.prefix(count)), at: place) }
    }
  }

  static let otherPlaces = [
    SealedPlace(table: "task", row: "7", column: "body", pointer: "/input/api_key"),
    SealedPlace(table: "journal", row: "8", column: "body", pointer: "/input/api_key"),
    SealedPlace(table: "journal", row: "7", column: "head", pointer: "/input/api_key"),
    SealedPlace(table: "journal", row: "7", column: "body", pointer: "/input/token"),
    // The lengths are bound too: moving a letter over a border changes nothing else.
    SealedPlace(table: "journal7", row: "", column: "body", pointer: "/input/api_key"),
  ]

  @Test("a value at another table, row, column or pointer is refused", arguments: otherPlaces)
  func moved(to other: SealedPlace) throws {
    let ring = try RingFixture().ring()
    let sealed = try ring.seal([1, 2, 3], at: place)
    #expect(throws: SealFailure.invalid) { try ring.open(sealed, at: other) }
    #expect(try ring.open(sealed, at: place) == [1, 2, 3])
  }

  @Test("two values swapped, and one of another ring, are refused")
  func swapped() throws {
    let fixture = try RingFixture()
    let ring = try fixture.ring()
    let other = SealedPlace(table: "journal", row: "8", column: "body", pointer: "/input/api_key")
    let (first, second) = (try ring.seal([1], at: place), try ring.seal([2], at: other))
    #expect(throws: SealFailure.invalid) { try ring.open(second, at: place) }
    #expect(throws: SealFailure.invalid) { try ring.open(first, at: other) }
    #expect(throws: SealFailure.invalid) { try RingFixture().ring().open(first, at: place) }
    let large = [UInt8](repeating: 5, count: FieldCipher.largeBytes)
    #expect(try ring.open(try ring.seal(large, at: place), at: place) == large)
    let tooLarge = [UInt8](repeating: 5, count: SealedMember.maximumBytes + 1)
    #expect(throws: SealFailure.tooLarge) { try ring.seal(tooLarge, at: place) }
    #expect(try ring.seal(tooLarge.dropLast() + [], at: place).count == tooLarge.count - 1 + 34)
  }

  @Test("another master key opens no ring, and a ring with a row of another is not whole")
  func wrongMaster() throws {
    var fixture = try RingFixture()
    let other = try MasterKey(randomIn: fixture.block)
    let error = #expect(throws: VaultError.self) { try fixture.ring(other) }
    #expect(error?.code == "master_key_wrong")
    // The same master key on another installation derives another wrapping key.
    #expect(throws: VaultError.self) {
      try KeyRing(rows: fixture.rows, master: fixture.master, installation: RingFixture.installation + 1)
    }
    fixture.rows[1].wrapped = try KeyRing.firstRows(
      master: other, installation: RingFixture.installation, digestKey: nil, at: RingFixture.start)[1].wrapped
    #expect(#expect(throws: VaultError.self) { try fixture.ring() }?.code == "key_ring_invalid")
    // A wrap belongs to its row and purpose.
    fixture = try RingFixture()
    (fixture.rows[0].wrapped, fixture.rows[1].wrapped) = (fixture.rows[1].wrapped, fixture.rows[0].wrapped)
    #expect(throws: VaultError.self) { try fixture.ring() }
  }

  @Test("the digest key is taken over unchanged, and a ring keeps it through rotations")
  func digest() throws {
    var fixture = try RingFixture()
    let old = [UInt8](1...32)
    fixture.rows = try KeyRing.firstRows(
      master: fixture.master, installation: RingFixture.installation,
      digestKey: try DigestKey(bytes: old, in: fixture.block), at: RingFixture.start)
    let before = DigestKey.authenticate([1, 2, 3], key: old).map { String(format: "%02x", $0) }.joined()
    #expect(try fixture.ring().digester.digest([1, 2, 3]) == before)
    let ring = try fixture.ring()
    let (row, opening) = try ring.newActiveFieldRow(at: RingFixture.start)
    fixture.add(row, opening: opening)
    try ring.adopt(fixture.rows)
    #expect(try ring.digester.digest([1, 2, 3]) == before)
    #expect(throws: VaultError.self) { try DigestKey(bytes: Array(old.dropLast()), in: fixture.block) }
  }

  @Test("after a rotation new values are under the new key, old ones still open, until their key is destroyed")
  func rotation() throws {
    var fixture = try RingFixture()
    let ring = try fixture.ring()
    let old = try ring.seal([1], at: place)
    let (row, opening) = try ring.newActiveFieldRow(at: RingFixture.start)
    #expect(row.id == 3 && opening == 1 && ring.activeFieldKey == 1)
    fixture.add(row, opening: opening)
    try ring.adopt(fixture.rows)
    let new = try ring.seal([2], at: place)
    #expect(ring.keyID(ofSealed: new) == 3 && ring.keyID(ofSealed: old) == 1)
    #expect(try ring.open(old, at: place) == [1] && ring.open(new, at: place) == [2])
    #expect(try fixture.ring().open(old, at: place) == [1])
    let before = fixture.rows
    (fixture.rows[0].state, fixture.rows[0].wrapped) = (.destroyed, [])
    try ring.adopt(fixture.rows)
    #expect(throws: SealFailure.keyUnknown) { try ring.open(old, at: place) }
    #expect(try ring.open(new, at: place) == [2])
    // Rows of an earlier commit come late: a key that is in use is not forgotten.
    try ring.adopt(Array(before.dropLast()))
    #expect(ring.activeFieldKey == 3)
  }

  @Test("keys that are added while none is destroyed all open, in one block; past 128 the next is refused, with words")
  func full() throws {
    var fixture = try RingFixture()
    let ring = try fixture.ring()
    var sealed: [[UInt8]] = []
    var refusal: VaultError?
    while refusal == nil, fixture.rows.count < KeyBlock.capacity {
      sealed.append(try ring.seal([7], at: place))
      do throws(VaultError) {
        let (row, opening) = try ring.newActiveFieldRow(at: RingFixture.start)
        fixture.add(row, opening: opening)
        try ring.adopt(fixture.rows)
      } catch { refusal = error }
    }
    #expect(refusal == .keyRingFull(keys: 128) && fixture.rows.count == 128)
    #expect(refusal?.description.contains("agent-system key show") == true && refusal?.code == "keys_busy")
    for value in sealed { #expect(try ring.open(value, at: place) == [7]) }
    (fixture.rows[0].state, fixture.rows[0].wrapped) = (.destroyed, [])
    try ring.adopt(fixture.rows)
    #expect(try ring.newActiveFieldRow(at: RingFixture.start).new.id == 129)
  }

  @Test("a ring that is too large already is taken over after each commit, and under both master keys")
  func overfull() throws {
    var fixture = try RingFixture()
    let wrapping = try fixture.ring().wrappingKey
    for id in UInt32(3)...200 {
      fixture.rows.append(
        KeyRingRow(
          id: id, purpose: .field, state: .opening,
          wrapped: try wrapping.wrap(try fixture.block.random(), id: id, purpose: .field), createdAt: RingFixture.start)
      )
    }
    let ring = try fixture.ring()
    let sealed = try ring.seal([1], at: place)
    try ring.adopt(fixture.rows)
    #expect(try ring.open(sealed, at: place) == [1])
    // A wrap that is another one is opened again, and what does not open is noticed.
    let row = fixture.rows[5]
    fixture.rows[5].wrapped = try wrapping.wrap(try fixture.block.random(), id: row.id, purpose: .field)
    try ring.adopt(fixture.rows)
    fixture.rows[5].wrapped[20] ^= 1
    #expect(#expect(throws: VaultError.self) { try ring.adopt(fixture.rows) }?.code == "key_ring_invalid")
    fixture.rows[5] = row
    let next = try MasterKey(randomIn: fixture.block)
    let new = try WrappingKey(next, installation: RingFixture.installation, cipher: ring.cipher)
    for entry in ring.withState({ Array($0.entries.values) }) {
      let index = try #require(fixture.rows.firstIndex { $0.id == entry.row.id })
      fixture.rows[index].otherWrap = try new.wrap(
        try #require(entry.key), id: entry.row.id, purpose: entry.row.purpose)
    }
    try ring.adopt(fixture.rows)
    #expect(ring.isMasterPending && !ring.isUnderNextMaster)
  }

  @Test("seals are reserved 65,536 ahead, counted over restarts, and asked for again when a commit is lost")
  func reservation() throws {
    var fixture = try RingFixture()
    let ring = try fixture.ring()
    #expect(ring.reservation() == nil)
    _ = try ring.seal([1], at: place)
    let asked = ring.reservation()
    #expect(asked?.id == 1 && asked?.reserved == 65_537)
    #expect(ring.reservation() == nil)
    ring.forgetReservation()
    #expect(ring.reservation()?.reserved == 65_537)
    for _ in 0..<65_536 { _ = try ring.seal([], at: place) }
    #expect(ring.reservation() == nil)
    _ = try ring.seal([1], at: place)
    #expect(ring.reservation()?.reserved == 131_074)
    fixture.rows[0].seals = 131_074
    let next = try fixture.ring()
    #expect(next.withState { $0.active.used } == 131_074)
    _ = try next.seal([1], at: place)
    let reserved = next.reservation()?.reserved
    #expect(reserved == 196_611)
  }

  @Test("a new key is due at 2^28 seals and at 90 days, and not a moment before")
  func limits() throws {
    var fixture = try RingFixture()
    let day: Int64 = 86_400_000
    func isDue(seals: Int64, after: Int64) throws -> Bool {
      fixture.rows[0].seals = seals
      return try limit(after: after) != nil
    }
    func limit(after: Int64) throws -> KeyLimit? {
      try fixture.ring().limitReached(
        at: Timestamp(milliseconds: RingFixture.start.milliseconds + after))
    }
    #expect(try !isDue(seals: 0, after: 90 * day - 1))
    #expect(try isDue(seals: 0, after: 90 * day))
    #expect(try !isDue(seals: (1 << 28) - 1, after: 0))
    #expect(try isDue(seals: 1 << 28, after: 0))
    #expect(try limit(after: 0) == .seals(1 << 28))
    fixture.rows[0].seals = 0
    #expect(try limit(after: 91 * day) == .days(91))
  }

  @Test("a key that has sealed 2^32 values seals no more, and still opens")
  func exhausted() throws {
    var fixture = try RingFixture()
    fixture.rows[0].seals = (1 << 32) - 1
    let ring = try fixture.ring()
    let last = try ring.seal([9], at: place)
    #expect(throws: SealFailure.keyExhausted) { try ring.seal([9], at: place) }
    #expect(try ring.open(last, at: place) == [9])
    let (row, opening) = try ring.newActiveFieldRow(at: RingFixture.start)
    fixture.add(row, opening: opening)
    try ring.adopt(fixture.rows)
    #expect(try ring.open(try ring.seal([8], at: place), at: place) == [8])
  }
}
