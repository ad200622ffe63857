/// Bytes that come in pieces of any size and are looked at once, at the end: put together in blocks, so that what has
/// come is never in memory twice while it grows. An answer may grow to its limit before it is refused.
struct GrowingBytes: Sendable {
  private static let blockBytes = 1 << 20
  private var blocks: [[UInt8]] = []
  private(set) var count = 0

  mutating func append(_ text: String) { append(text.utf8) }

  mutating func append(_ bytes: some Collection<UInt8>) {
    let added = bytes.count
    guard added > 0 else { return }
    if let last = blocks.last, last.count + added <= Self.blockBytes {
      blocks[blocks.count - 1].append(contentsOf: bytes)
    } else {
      blocks.append(Array(bytes))
    }
    count += added
  }

  var bytes: [UInt8] {
    if blocks.count == 1 { return blocks[0] }
    var all: [UInt8] = []
    all.reserveCapacity(count)
    for block in blocks { all += block }
    return all
  }

  /// As UTF-8. A character may have come in two pieces.
  var text: String {
    String(unsafeUninitializedCapacity: count) { buffer in
      var end = buffer.startIndex
      for block in blocks { end = buffer[end...].update(fromContentsOf: block) }
      return end
    }
  }
}
