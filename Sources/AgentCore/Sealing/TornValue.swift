/// A string of JSON in a text that may be cut, or be no JSON at all.
struct JSONStringText {
  /// What it says; of one that was cut within an escape, what stands before that.
  let text: String
  /// It has its closing quote.
  let isWhole: Bool

  /// `quoted` begins with the opening quote and has nothing behind the closing one. Nil where it is no JSON.
  init?(_ quoted: ArraySlice<UInt8>) {
    isWhole = Self.end(of: quoted) != nil
    let text =
      isWhole
      ? Self.read(quoted)
      : (0..<Self.longestEscape).lazy.compactMap { Self.read(quoted.dropLast($0) + [Self.quote]) }.first
    guard let text else { return nil }
    self.text = text
  }

  private static func read(_ bytes: ArraySlice<UInt8>) -> String? {
    (try? JSONValue(stored: bytes))?.stringValue  // What cannot be read is nil.
  }

  /// Behind the closing quote of the string that begins there; nil without one.
  static func end(of bytes: ArraySlice<UInt8>) -> Int? {
    var position = bytes.startIndex + 1
    while position < bytes.endIndex {
      switch bytes[position] {
      case UInt8(ascii: "\\"): position += 2
      case quote: return position + 1
      default: position += 1
      }
    }
    return nil
  }

  private static let quote = UInt8(ascii: "\"")
  /// Both halves of a surrogate pair.
  private static let longestEscape = 12
}

/// A value that is no JSON: what can be made out of it.
struct TornValue {
  /// Its strings, as far as they go, and its bare words; names of members left out.
  private(set) var words: [String] = []
  /// What there is of the last word where the text ends within the value: nothing of it, perhaps.
  private(set) var end: String?

  private let bytes: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    var (position, depth) = (bytes.startIndex, 0)
    while position < bytes.endIndex {
      end = nil
      switch bytes[position] {
      case UInt8(ascii: "\""): position = takeString(position)
      case let byte where "{[".utf8.contains(byte): (position, depth) = (position + 1, depth + 1)
      case let byte where "}]".utf8.contains(byte): (position, depth) = (position + 1, depth - 1)
      case let byte where ", \n\r\t:".utf8.contains(byte): position += 1
      default: position = takeWord(position)
      }
    }
    if end == nil, depth > 0 { end = "" }
  }

  private mutating func takeString(_ start: Int) -> Int {
    let stop = JSONStringText.end(of: bytes[start...])
    let quoted = bytes[start..<(stop ?? bytes.endIndex)]
    let next = bytes[quoted.endIndex...].first { !" \n\r\t".utf8.contains($0) }
    if stop != nil, next == UInt8(ascii: ":") { return quoted.endIndex }
    let inner = stop == nil ? quoted.dropFirst() : quoted.dropFirst().dropLast()
    let word = JSONStringText(quoted)?.text ?? String(decoding: inner, as: UTF8.self)
    if !word.isEmpty { words.append(word) }
    if stop == nil { end = word }
    return quoted.endIndex
  }

  private mutating func takeWord(_ start: Int) -> Int {
    let stop = bytes[start...].firstIndex { ",}] \n\r\t".utf8.contains($0) } ?? bytes.endIndex
    let word = String(decoding: bytes[start..<stop], as: UTF8.self)
    words.append(word)
    if stop == bytes.endIndex { end = word }
    return stop
  }
}
