import CPlatform

extension [UInt8] {
  /// Where `part` first occurs at or after `position`; nil for nowhere. Linear in time.
  func firstOccurrence(of part: [UInt8], from position: Int) -> Int? {
    guard position < count else { return nil }
    let offset = withUnsafeBytes { buffer in
      let rest = UnsafeRawBufferPointer(rebasing: buffer[position...])
      return cplatform_find(rest.baseAddress, rest.count, part, part.count)
    }
    return offset < 0 ? nil : position + offset
  }
}
