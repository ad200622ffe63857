import AgentCore

/// Brings the sealed values of one column to the key in use, and seals what is not sealed yet. What does not open, or is
/// too large for one seal, stays as it is, and is told.
struct SealedRenewal {
  private let sealing: StoreSealing
  private let key: UInt32
  private let isBeforeKeys: Bool
  private let place: (_ pointer: String) -> SealedPlace
  /// Why values stay as they are.
  private(set) var failures: [StoreError] = []
  /// How many of those stand in clear.
  private(set) var clearValues = 0

  /// `isBeforeKeys`: what only looks like a sealed value may be a caller's word. `place`: of a member, by its JSON pointer.
  init(_ sealing: StoreSealing, key: UInt32, isBeforeKeys: Bool, place: @escaping (_ pointer: String) -> SealedPlace) {
    (self.sealing, self.key, self.isBeforeKeys, self.place) = (sealing, key, isBeforeKeys, place)
  }

  /// A sensitive member as it is to be stored.
  mutating func renewed(_ value: JSONValue, at pointer: String) throws(StoreError) -> JSONValue {
    guard let mark = SealedMark(value), let id = keyID(of: mark) else {
      return try sealed(try opened(value, at: pointer), insteadOf: value, at: pointer)
    }
    if id == key { return value }
    guard let clear = try opened(mark, at: pointer) else { return value }
    return try sealed(clear, insteadOf: value, at: pointer)
  }

  private mutating func sealed(
    _ clear: JSONValue, insteadOf value: JSONValue, at pointer: String
  ) throws(StoreError) -> JSONValue {
    let place = place(pointer)
    do throws(SealFailure) {
      return try sealing.mark(clear, at: place)
    } catch {
      guard error == .tooLarge else { throw StoreError(error, at: place) }
      failures.append(StoreError(error, at: place))
      clearValues += 1
      return value
    }
  }

  /// Members of a value may have been sealed before the list named it.
  private mutating func opened(_ value: JSONValue, at pointer: String) throws(StoreError) -> JSONValue {
    try value.replacingMarks(at: pointer) { (pointer, mark) throws(StoreError) in
      guard sealing.keyID(of: mark) != nil else { return mark.stored }
      return try opened(mark, at: pointer) ?? mark.stored
    }
  }

  /// Nil for one that does not open.
  private mutating func opened(_ mark: SealedMark, at pointer: String) throws(StoreError) -> JSONValue? {
    do throws(StoreError) {
      return try sealing.open(mark, at: place(pointer))
    } catch {
      guard error.isUnopened else { throw error }
      failures.append(error)
      return nil
    }
  }

  /// Nil for what looks like a sealed value and is none: in rows from before there was a key it may be a caller's.
  private func keyID(of mark: SealedMark) -> UInt32? {
    if let id = sealing.keyID(of: mark) { return id }
    // Later only damage looks so. No key has this number: it is told as what does not open.
    return isBeforeKeys ? nil : 0
  }
}
