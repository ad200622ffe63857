/// Compares needles with one text, at places that ascend, without reading it anew at each of them: a value that is one
/// word many times over stands nearly anywhere in a text of that word (Knuth, Morris and Pratt, "Fast pattern matching in
/// strings", 1977).
struct NeedleScan {
  /// Shorter matches are compared anew sooner than remembered.
  private static let longMatch = 256

  private let bytes: [UInt8]
  /// By needle: the next place at which it can stand, and how many bytes of it are known to stand there.
  private var next: [Int: (start: Int, count: Int)] = [:]
  /// By needle, for each count of its bytes that the text has room for: how many of their last ones are its first ones,
  /// too.
  private var borders: [Int: [Int32]] = [:]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// How many bytes of the needle stand there; 0 where it is known that not all of them do, nor as many as there is text.
  mutating func count(of needle: [UInt8], _ number: Int, at start: Int) -> Int {
    var count = 0
    if !next.isEmpty, let known = next[number] {
      if start < known.start { return 0 }
      if start == known.start { count = known.count }
    }
    let end = min(needle.count, bytes.count - start)
    while count < end, needle[count] == bytes[start + count] { count += 1 }
    guard count >= Self.longMatch else { return count }
    let border = border(of: needle, number, count)
    next[number] = (start + count - border, border)
    return count
  }

  /// Whether the whole needle stands there.
  mutating func stands(_ needle: [UInt8], _ number: Int, at start: Int) -> Bool {
    guard bytes.count - start >= needle.count else { return false }
    let isKnown = !next.isEmpty && next[number].map { $0.start >= start } ?? false
    // The end first: most values are told apart there.
    guard isKnown || bytes[start + needle.count - 1] == needle[needle.count - 1] else { return false }
    return count(of: needle, number, at: start) == needle.count
  }

  private mutating func border(of needle: [UInt8], _ number: Int, _ count: Int) -> Int {
    if let known = borders[number] { return Int(known[count]) }
    let most = min(needle.count, bytes.count)
    var borders = [Int32](repeating: 0, count: most + 1)
    var border = 0
    for place in 1..<most {
      while border > 0, needle[border] != needle[place] { border = Int(borders[border]) }
      if needle[border] == needle[place] { border += 1 }
      borders[place + 1] = Int32(border)
    }
    self.borders[number] = borders
    return Int(borders[count])
  }
}
