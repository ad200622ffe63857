/// Finds the sensitive members of a text that is JSON, or has JSON in it, and shows the rest of it byte for byte.
///
/// It reads tolerantly, for what it passes over is shown: lines of JSON, a text that was cut, a member that stands twice,
/// and JSON within strings of JSON are searched like any other.
package struct SensitiveText {
  /// JSON within JSON within …
  private static let maximumNesting = 4

  /// The text with `"[sealed]"` in place of each value.
  package private(set) var shown: String
  /// The values, in order; of what is no JSON value, as one that was cut, the words in it.
  package private(set) var values: [JSONValue] = []
  /// What there is of the last word of a value within which the text ends: the value is another one where the text was cut.
  package private(set) var tornEnd: String?

  private let bytes: [UInt8]
  private let fields: SensitiveFields
  private let nesting: Int
  private var result: [UInt8] = []
  /// Up to here the text is in `result`.
  private var taken = 0

  package init(_ text: String, _ fields: SensitiveFields) { self.init(text, fields, nesting: 0) }

  private init(_ text: String, _ fields: SensitiveFields, nesting: Int) {
    (shown, bytes, self.fields, self.nesting) = (text, Array(text.utf8), fields, nesting)
    scan()
    guard taken > 0 else { return }
    result += bytes[taken...]
    shown = String(decoding: result, as: UTF8.self)
  }

  private mutating func scan() {
    var position = 0
    while let start = bytes[position...].firstIndex(of: UInt8(ascii: "\"")) {
      let end = endOfString(start)
      let colon = afterBlanks(end)
      guard colon < bytes.count, bytes[colon] == UInt8(ascii: ":") else {
        search(within: start..<end)
        position = end
        continue
      }
      position = colon + 1
      guard fields.contains(name(start..<end)) else { continue }
      let value = afterBlanks(position)
      let valueEnd = endOfValue(value)
      if valueEnd > value { replace(value..<valueEnd) } else if value == bytes.count { tornEnd = "" }
      position = valueEnd
    }
  }

  private mutating func replace(_ range: Range<Int>) {
    let text = bytes[range]
    let isAtEnd = range.upperBound == bytes.count
    if let value = try? JSONValue(stored: text) {  // What is no JSON value is looked at as the text that it is.
      guard Self.hides(value) else { return }
      values.append(value)
      if isAtEnd, value.doubleValue != nil { tornEnd = String(decoding: text, as: UTF8.self) }
    } else {
      guard Self.hides(.string(String(decoding: text, as: UTF8.self))) else { return }
      let torn = TornValue(text)
      values += torn.words.map { .string($0) }
      if isAtEnd { tornEnd = torn.end }
    }
    put(JSONValue.string(SealedMember.placeholder).encoded(), in: range)
  }

  private static func hides(_ value: JSONValue) -> Bool {
    !value.isOnlyReferences && value != .string(SealedMember.placeholder)
  }

  private mutating func put(_ text: some Sequence<UInt8>, in range: Range<Int>) {
    result += bytes[taken..<range.lowerBound]
    result += text
    taken = range.upperBound
  }

  /// A string that is no name: JSON may stand in it.
  private mutating func search(within range: Range<Int>) {
    // A string that cannot be read has nothing that could be written back.
    guard nesting < Self.maximumNesting, bytes[range].contains(UInt8(ascii: "\\")),
      let read = JSONStringText(bytes[range]), read.text.utf8.contains(UInt8(ascii: ":"))
    else { return }
    let inner = SensitiveText(read.text, fields, nesting: nesting + 1)
    if !read.isWhole { tornEnd = inner.tornEnd }
    guard !inner.values.isEmpty else { return }
    values += inner.values
    let text = JSONValue.string(inner.shown).encoded()
    put(read.isWhole ? text : text.dropLast(), in: range)
  }

  private func name(_ range: Range<Int>) -> String {
    // `try?`: a name that cannot be read is what stands there.
    (try? JSONValue(stored: bytes[range]))?.stringValue
      ?? String(decoding: bytes[range].dropFirst().dropLast(), as: UTF8.self)
  }

  // MARK: places

  private func afterBlanks(_ start: Int) -> Int {
    var position = start
    while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    return position
  }

  /// Behind the closing quote; the text's end where there is none.
  private func endOfString(_ start: Int) -> Int { JSONStringText.end(of: bytes[start...]) ?? bytes.count }

  private func endOfValue(_ start: Int) -> Int {
    guard start < bytes.count else { return bytes.count }
    switch bytes[start] {
    case UInt8(ascii: "\""): return endOfString(start)
    case UInt8(ascii: "{"), UInt8(ascii: "["): return endOfContainer(start)
    default: return bytes[start...].firstIndex { ",}] \n\r\t".utf8.contains($0) } ?? bytes.count
    }
  }

  private func endOfContainer(_ start: Int) -> Int {
    var (position, depth) = (start, 0)
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        position = endOfString(position)
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 0 { return position + 1 }
      default: break
      }
      position += 1
    }
    return bytes.count
  }
}
