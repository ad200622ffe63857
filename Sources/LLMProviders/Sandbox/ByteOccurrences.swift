/// Places where a text stands in another, compared byte by byte as the file tools do: as characters, a letter with an
/// accent would equal its two-part spelling, and a line feed would not be found behind a carriage return.
enum ByteOccurrences {
  /// Offsets of the first byte of each place; `overlapping` counts places that share bytes too.
  static func offsets(of part: [UInt8], in whole: [UInt8], overlapping: Bool = false) -> [Int] {
    guard let first = part.first, part.count <= whole.count else { return [] }
    var offsets: [Int] = []
    var position = 0
    whole.withUnsafeBufferPointer { whole in
      part.withUnsafeBufferPointer { part in
        while position + part.count <= whole.count {
          if whole[position] == first, (1..<part.count).allSatisfy({ whole[position + $0] == part[$0] }) {
            offsets.append(position)
            position += overlapping ? 1 : part.count
          } else {
            position += 1
          }
        }
      }
    }
    return offsets
  }

  /// An empty text stands in every other.
  static func contains(_ part: String, in whole: String) -> Bool {
    part.isEmpty || !offsets(of: Array(part.utf8), in: Array(whole.utf8)).isEmpty
  }
}
