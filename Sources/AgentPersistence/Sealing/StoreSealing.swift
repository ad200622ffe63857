import AgentCore
import Vault

/// What the store seals with: the ring of keys, and the names of the members that it seals.
package struct StoreSealing: Sendable {
  package let ring: KeyRing
  package let policy: SensitivePolicy
  /// One for all copies of this.
  let rows = SealedRows()

  package init(ring: KeyRing, policy: SensitivePolicy) { (self.ring, self.policy) = (ring, policy) }

  /// Head or body of a row of the journal.
  struct Column {
    var type: JournalEventType
    var name: WalkedMember.Column
    /// The row's `seq`.
    var row: Int64

    func place(_ pointer: String) -> SealedPlace {
      SealedPlace(table: "journal", row: String(row), column: name.rawValue, pointer: pointer)
    }
  }

  /// The column as it is to be stored, and as it is shown; nil where nothing of it is sensitive.
  func seal(_ value: JSONValue, _ column: Column) throws(StoreError) -> (stored: JSONValue, shown: JSONValue)? {
    var count = 0
    let stored = try column.type.replacingSensitive(in: value, column.name, policy.fields) {
      (pointer, clear) throws(StoreError) in
      count += 1
      return try seal(clear, at: column.place(pointer))
    }
    return count == 0 ? nil : (stored, stored.showingMarks)
  }

  func seal(_ clear: JSONValue, at place: SealedPlace) throws(StoreError) -> JSONValue {
    do throws(SealFailure) {
      return try mark(clear, at: place)
    } catch {
      throw StoreError(error, at: place)
    }
  }

  /// What is stored in a value's place.
  func mark(_ clear: JSONValue, at place: SealedPlace) throws(SealFailure) -> JSONValue {
    SealedMark(try ring.seal(clear.encoded(), at: place)).stored
  }

  /// The key that a mark names; nil for what only looks like a mark.
  func keyID(of mark: SealedMark) -> UInt32? { mark.sealed.flatMap { ring.keyID(ofSealed: $0) } }

  /// Throws `sealed_value_invalid`, `key_unknown`, `sealed_format_unknown`.
  func open(_ mark: SealedMark, at place: SealedPlace) throws(StoreError) -> JSONValue {
    guard let sealed = mark.sealed else { throw StoreError(SealFailure.invalid, at: place) }
    do throws(SealFailure) {
      let clear = try ring.open(sealed, at: place)
      // What opens is what was sealed, and that was JSON of ours.
      guard let value = try? JSONValue(stored: clear) else { throw SealFailure.invalid }
      return value
    } catch {
      throw StoreError(error, at: place)
    }
  }
}

extension StoreError {
  init(_ failure: SealFailure, at place: SealedPlace) {
    let value = "row \(place.row) of table \(place.table), column \(place.column), member \(place.pointer)"
    switch failure {
    case .invalid:
      self.init(.sealedValueInvalid, "The sealed value of \(value) does not open: it was changed or moved there.")
    case .keyUnknown: self.init(.keyUnknown, "The key ring has no key for the sealed value of \(value).")
    case .formatUnknown:
      self.init(.sealedFormatUnknown, "The sealed value of \(value) has a format that this version does not know.")
    case .keyExhausted:
      self.init(.keyExhausted, "The field key has sealed as much as one key may: run `agent-system key rotate`.")
    case .tooLarge:
      self.init(
        .sealingUnavailable, "A value to seal has more than \(SealedMember.maximumBytes >> 20) MiB: \(value).")
    case .unavailable:
      self.init(.sealingUnavailable, "A value cannot be sealed: no memory that can be locked, or no randomness.")
    }
  }
}
