/// What is wrong with a text that should be JSON, and where.
package struct JSONSyntaxError: Error, Sendable, Equatable {
  package enum Code: String, Sendable {
    case invalidJSON = "invalid_json"
    case invalidEncoding = "invalid_encoding"
    case duplicateMember = "duplicate_member"
    case tooDeep = "json_too_deep"
    case tooMany = "json_too_many_values"
  }
  package var code: Code
  /// Byte offset from the start of the text.
  package var offset: Int
  package var detail: String
}

extension JSONValue {
  /// Of what comes from outside: deep enough for every honest body, shallow enough that the recursive reader cannot run
  /// out of stack.
  package static let maximumDepth = 64
  /// Of what we store, our own envelopes around it included.
  package static let maximumStoredDepth = 160
  /// Of what we read back: above all that we store, marks of sealed values and what older builds wrote included.
  static let maximumReadDepth = 192
  /// Of what a model or its provider wrote: text and arguments have few, and each of them costs many times its bytes.
  package static let maximumAnswerValues = 250_000

  /// Reads exactly one JSON text (RFC 8259): no trailing text, no duplicate member, no NUL, no lone surrogate.
  package init(parsing bytes: some Collection<UInt8>) throws(JSONSyntaxError) {
    var parser = JSONParser(bytes: Array(bytes))
    self = try parser.document()
  }

  /// Reads back what `encoded()` wrote: our own envelope lies around what callers wrote, and texts of files and pages
  /// may hold NUL.
  package init(stored bytes: some Collection<UInt8>) throws(JSONSyntaxError) {
    var parser = JSONParser(bytes: Array(bytes), maximumDepth: Self.maximumReadDepth, allowsNUL: true)
    self = try parser.document()
  }

  /// Reads what a model's provider sent: as deep as a caller's body may be, so that there is room for our envelopes.
  /// Models write NUL, and are cut between the two halves of a surrogate pair: each lone half is read as U+FFFD.
  /// Throws `tooMany` past `maximumAnswerValues`, before more are made.
  package init(answer bytes: some Collection<UInt8>) throws(JSONSyntaxError) {
    var parser = JSONParser(
      bytes: Array(bytes), allowsNUL: true, mendsSurrogates: true, maximumValues: Self.maximumAnswerValues)
    self = try parser.document()
  }

  /// Reads the arguments that a model wrote for a call: as a caller's text, with an answer's bound of values.
  package init(arguments text: String) throws(JSONSyntaxError) {
    var parser = JSONParser(bytes: Array(text.utf8), maximumValues: Self.maximumAnswerValues)
    self = try parser.document()
  }

  package init(parsing text: String) throws(JSONSyntaxError) {
    try self.init(parsing: Array(text.utf8))
  }

  /// Whether a value of it lies in more than so many others: what no reader with that bound takes.
  package func isDeeper(than levels: Int) -> Bool {
    guard levels >= 0 else { return true }
    switch self {
    case .array(let items): return items.contains { $0.isDeeper(than: levels - 1) }
    case .object(let members): return members.values.contains { $0.isDeeper(than: levels - 1) }
    default: return false
    }
  }
}

private struct JSONParser {
  let bytes: [UInt8]
  let maximumDepth: Int
  let allowsNUL: Bool
  let mendsSurrogates: Bool
  let maximumValues: Int
  var position = 0
  var valueCount = 0

  init(
    bytes: [UInt8], maximumDepth: Int = JSONValue.maximumDepth, allowsNUL: Bool = false, mendsSurrogates: Bool = false,
    maximumValues: Int = .max
  ) {
    (self.bytes, self.maximumDepth, self.maximumValues) = (bytes, maximumDepth, maximumValues)
    (self.allowsNUL, self.mendsSurrogates) = (allowsNUL, mendsSurrogates)
  }

  mutating func document() throws(JSONSyntaxError) -> JSONValue {
    let value = try self.value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw invalid("text after the end of the value") }
    return value
  }

  private func invalid(_ detail: String) -> JSONSyntaxError {
    JSONSyntaxError(code: .invalidJSON, offset: position, detail: detail)
  }

  private func badEncoding(_ detail: String) -> JSONSyntaxError {
    JSONSyntaxError(code: .invalidEncoding, offset: position, detail: detail)
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
  }

  private mutating func take(_ byte: Character) -> Bool {
    guard position < bytes.count, bytes[position] == byte.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    guard depth <= maximumDepth else {
      throw JSONSyntaxError(code: .tooDeep, offset: position, detail: "nested deeper than \(maximumDepth)")
    }
    valueCount += 1
    guard valueCount <= maximumValues else {
      throw JSONSyntaxError(code: .tooMany, offset: position, detail: "more than \(maximumValues) JSON values")
    }
    skipSpace()
    guard position < bytes.count else { throw invalid("the text ends where a value should stand") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw invalid("no value begins like this")
    }
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
    guard bytes[position...].starts(with: word.utf8) else { throw invalid("no value begins like this") }
    position += word.utf8.count
    return value
  }

  private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    position += 1
    var items: [JSONValue] = []
    skipSpace()
    if take("]") { return .array(items) }
    while true {
      items.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return .array(items) }
      guard take(",") else { throw invalid("',' or ']' is missing") }
    }
  }

  private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    position += 1
    var members: [String: JSONValue] = [:]
    skipSpace()
    if take("}") { return .object(members) }
    while true {
      skipSpace()
      let start = position
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
        throw invalid("a member's name is missing")
      }
      let name = try string()
      skipSpace()
      guard take(":") else { throw invalid("':' is missing") }
      let value = try value(depth: depth + 1)
      guard members.updateValue(value, forKey: name) == nil else {
        throw JSONSyntaxError(code: .duplicateMember, offset: start, detail: "a member stands twice in one object")
      }
      skipSpace()
      if take("}") { return .object(members) }
      guard take(",") else { throw invalid("',' or '}' is missing") }
    }
  }

  private mutating func number() throws(JSONSyntaxError) -> JSONValue {
    let start = position
    var isInteger = true
    _ = take("-")
    if take("0") {
      if position < bytes.count, isDigit(bytes[position]) { throw invalid("a number begins with 0") }
    } else {
      guard skipDigits() else { throw invalid("a digit is missing") }
    }
    if take(".") {
      isInteger = false
      guard skipDigits() else { throw invalid("a digit is missing") }
    }
    if take("e") || take("E") {
      isInteger = false
      if !take("+") { _ = take("-") }
      guard skipDigits() else { throw invalid("a digit is missing") }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let integer = Int64(text) { return .integer(integer) }
    guard let double = Double(text), double.isFinite else {
      position = start
      throw invalid("a number beyond what 64 bits hold")
    }
    return .double(double)
  }

  private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  private mutating func skipDigits() -> Bool {
    let start = position
    while position < bytes.count, isDigit(bytes[position]) { position += 1 }
    return position > start
  }

  private mutating func string() throws(JSONSyntaxError) -> String {
    position += 1
    var content: [UInt8] = []
    let start = position
    while true {
      guard position < bytes.count else { throw invalid("a string has no end") }
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else {
          position = start
          throw badEncoding("a string is not UTF-8")
        }
        return text
      case UInt8(ascii: "\\"): try escape(into: &content)
      case 0..<0x20: throw invalid("a control character stands in a string")
      default: content.append(byte)
      }
    }
  }

  private mutating func escape(into content: inout [UInt8]) throws(JSONSyntaxError) {
    guard position < bytes.count else { throw invalid("a string has no end") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      let scalar = try escapedScalar()
      content.append(contentsOf: Array(String(Character(scalar)).utf8))
    default: throw invalid("no escape is written like this")
    }
  }

  private mutating func escapedScalar() throws(JSONSyntaxError) -> Unicode.Scalar {
    let first = try hex4()
    guard first != 0 || allowsNUL else { throw badEncoding("a string holds NUL") }
    if let scalar = Unicode.Scalar(first) { return scalar }
    // Not a scalar: half of a surrogate pair. Only a high half followed by a low one is a character.
    let next = position
    if (0xD800..<0xDC00).contains(first), take("\\"), take("u") {
      let second = try hex4()
      if (0xDC00..<0xE000).contains(second),
        let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
      {
        return scalar
      }
    }
    guard mendsSurrogates else { throw badEncoding("a lone surrogate") }
    // What follows is read for itself.
    position = next
    return "\u{FFFD}"
  }

  private mutating func hex4() throws(JSONSyntaxError) -> UInt32 {
    guard position + 4 <= bytes.count else { throw invalid("an escape has no end") }
    let digits = bytes[position..<position + 4]
    guard digits.allSatisfy({ isDigit($0) || (0x41...0x46).contains($0 & 0xDF) }),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw invalid("four hexadecimal digits are missing") }
    position += 4
    return value
  }
}
