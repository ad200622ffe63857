import AgentCore
import AgentTestKit
import Testing

@Suite("JSON")
struct JSONParserTests {
  static let good: [(String, JSONValue)] = [
    ("null", .null), (" true ", true), ("false\n", false), ("0", 0), ("-0", 0), ("-5", -5), ("1.5", .double(1.5)),
    ("1e2", .double(100)), ("1E+2", .double(100)), ("1.0", .double(1)), ("-0.0", .double(-0.0)),
    ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
    ("9223372036854775808", .double(9_223_372_036_854_775_808)), ("1e-400", .double(0)), (#""""#, ""), (#""a""#, "a"),
    (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u00e9\u4e2d""#, "é中"), (#""\uD83D\uDE00""#, "😀"),
    (#""\ud83d\ude00""#, "😀"), (#""\uDBFF\uDFFF""#, "\u{10FFFF}"), (#""\uFFFF\uFFFE""#, "\u{FFFF}\u{FFFE}"),
    (#""\u0001""#, "\u{1}"), ("\"\u{7F}é😀\u{2028}\"", "\u{7F}é😀\u{2028}"), ("[]", []), ("[ ]", []),
    ("[1,[2],{}]", [1, [2], [:]]),
    ("{}", [:]), ("{ }", [:]), (#"{"a":1,"b":{"a":2}}"#, ["a": 1, "b": ["a": 2]]), (#"{"":0}"#, ["": 0]),
    (" \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 ] \t\r\n", [1, 2]), (#"{ "a" : 1 , "b" : 2 }"#, ["a": 1, "b": 2]),
  ]

  @Test("what RFC 8259 allows is read", arguments: good)
  func reads(_ text: String, _ value: JSONValue) throws { #expect(try JSONValue(parsing: text) == value) }

  static let bad: [(String, JSONSyntaxError.Code, Int)] = [
    ("", .invalidJSON, 0), ("  ", .invalidJSON, 2), ("nul", .invalidJSON, 0), ("True", .invalidJSON, 0),
    ("nullx", .invalidJSON, 4), ("1 2", .invalidJSON, 2), ("01", .invalidJSON, 1), ("-01", .invalidJSON, 2),
    ("+1", .invalidJSON, 0),
    ("-", .invalidJSON, 1), (".5", .invalidJSON, 0), ("1.", .invalidJSON, 2), ("1.e2", .invalidJSON, 2),
    ("1e", .invalidJSON, 2),
    ("1e+", .invalidJSON, 3), ("1e+-1", .invalidJSON, 3), ("1e999", .invalidJSON, 0), ("[1e999]", .invalidJSON, 1),
    ("-1e999", .invalidJSON, 0), ("0x1", .invalidJSON, 1), ("NaN", .invalidJSON, 0), ("Infinity", .invalidJSON, 0),
    ("-Infinity", .invalidJSON, 1), ("[", .invalidJSON, 1), ("[1", .invalidJSON, 2), ("[1,", .invalidJSON, 3),
    ("[1,]", .invalidJSON, 3),
    ("[,1]", .invalidJSON, 1), ("[1 2]", .invalidJSON, 3), ("[1}", .invalidJSON, 2), ("{", .invalidJSON, 1),
    ("{,}", .invalidJSON, 1),
    (#"{"a"}"#, .invalidJSON, 4), (#"{"a":}"#, .invalidJSON, 5), (#"{"a":1,}"#, .invalidJSON, 7),
    (#"{"a":1 "b":2}"#, .invalidJSON, 7),
    ("{a:1}", .invalidJSON, 1), ("{'a':1}", .invalidJSON, 1), ("{1:1}", .invalidJSON, 1), (#"{"a":1"#, .invalidJSON, 6),
    ("\"", .invalidJSON, 1), ("\"a", .invalidJSON, 2), (#""\"#, .invalidJSON, 2), (#""\x""#, .invalidJSON, 3),
    (#""\u12""#, .invalidJSON, 3),
    (#""\u12G4""#, .invalidJSON, 3), (#""\u+123""#, .invalidJSON, 3), ("\"\n\"", .invalidJSON, 2),
    ("\"\t\"", .invalidJSON, 2),
    ("\"\u{1F}\"", .invalidJSON, 2), ("[1]//", .invalidJSON, 3), ("/**/1", .invalidJSON, 0),
    ("\u{FEFF}1", .invalidJSON, 0),
    ("\u{A0}1", .invalidJSON, 0), (#"{"a":1,"a":2}"#, .duplicateMember, 7),
    (#"{"a":1,"\u0061":2}"#, .duplicateMember, 7),
    (#"[{"x":{"b":0,"b":0}}]"#, .duplicateMember, 13), (#""\u0000""#, .invalidEncoding, 7),
    (#""\uD800""#, .invalidEncoding, 7),
    (#""\uDC00""#, .invalidEncoding, 7), (#""\uD800a""#, .invalidEncoding, 7), (#""\uD800\n""#, .invalidEncoding, 8),
    (#""\uD800\uD800""#, .invalidEncoding, 13), (#""\uDC00\uD800""#, .invalidEncoding, 7),
  ]

  @Test("everything else is refused at its offset", arguments: bad)
  func refuses(_ text: String, _ code: JSONSyntaxError.Code, _ offset: Int) {
    let error = #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text) }
    #expect(error?.code == code)
    #expect(error?.offset == offset)
  }

  static let badBytes: [[UInt8]] = [
    [0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80],
  ]

  @Test("a string that is not UTF-8 is refused", arguments: badBytes)
  func encoding(_ bytes: [UInt8]) {
    let text = Array("[\"".utf8) + bytes + Array("\"]".utf8)
    let error = #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text) }
    #expect(error?.code == .invalidEncoding)
    #expect(error?.offset == 2)
    let outside = #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: bytes + [0x31]) }
    #expect(outside?.code == .invalidJSON)
  }

  @Test("sixty-four levels are read and one more is refused", arguments: ["[", "{\"a\":"])
  func depth(_ opening: String) throws {
    let closing = opening == "[" ? "]" : "}"
    func nested(_ levels: Int) -> String {
      String(repeating: opening, count: levels) + "1" + String(repeating: closing, count: levels)
    }
    _ = try JSONValue(parsing: nested(JSONValue.maximumDepth))
    let error = #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: nested(JSONValue.maximumDepth + 1)) }
    #expect(error?.code == .tooDeep)
    let endless = #expect(throws: JSONSyntaxError.self) {
      try JSONValue(parsing: String(repeating: opening, count: 100_000))
    }
    #expect(endless?.code == .tooDeep)
  }

  static let halves: [(String, String)] = [
    (#""\ud83d\ude00""#, "😀"), (#""\ud83d""#, "\u{FFFD}"), (#""a\ude00b""#, "a\u{FFFD}b"),
    (#""\ud83d\n""#, "\u{FFFD}\n"), (#""\ud83d\u0041""#, "\u{FFFD}A"),
    (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"), (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"), (#""\u0000""#, "\u{0}"),
  ]

  @Test("in a provider's answer half a surrogate pair is U+FFFD, and NUL passes", arguments: halves)
  func answers(_ text: String, _ value: String) throws {
    #expect(try JSONValue(answer: Array(text.utf8)) == .string(value))
  }

  @Test("how deep a value lies is judged as its reader does", arguments: ["[", "{\"a\":"])
  func deeper(_ opening: String) throws {
    let closing = opening == "[" ? "]" : "}"
    for levels in [0, 1, 5, 64] {
      let text = String(repeating: opening, count: levels) + "1" + String(repeating: closing, count: levels)
      let value = try JSONValue(answer: Array(text.utf8))
      #expect(!value.isDeeper(than: levels) && value.isDeeper(than: levels - 1), "\(levels)")
    }
    let endless = #expect(throws: JSONSyntaxError.self) {
      try JSONValue(answer: Array(String(repeating: opening, count: 65).utf8))
    }
    #expect(endless?.code == .tooDeep)
    // What may be stored can be read back, and so can it with a mark in it.
    #expect(JSONValue.maximumStoredDepth > JSONValue.maximumDepth + 10)
    let stored = String(repeating: "[", count: JSONValue.maximumStoredDepth + 1)
    #expect(throws: Never.self) {
      try JSONValue(stored: Array((stored + String(repeating: "]", count: JSONValue.maximumStoredDepth + 1)).utf8))
    }
  }

  @Test("a slice of a larger buffer is read from its own start")
  func slice() throws {
    let bytes = Array("xx[1]yy".utf8)
    #expect(try JSONValue(parsing: bytes[2..<5]) == [1])
  }

  static let written: [(JSONValue, String)] = [
    (nil, "null"), (true, "true"), (-5, "-5"), (.double(1.5), "1.5"), (.double(.infinity), "null"),
    (.double(.nan), "null"),
    ("a\"\\/\n\r\t\u{8}\u{1F}\u{7F}", #""a\"\\/\n\r\t\u0008\u001f\u007f""#), ("é😀\u{2028}", "\"é😀\u{2028}\""),
    ([1, "a", []], #"[1,"a",[]]"#), (["b": 1, "a": 2, "": 3, "B": 4], #"{"":3,"B":4,"a":2,"b":1}"#), ([:], "{}"),
  ]

  @Test("the canonical text is compact and sorted", arguments: written)
  func encodes(_ value: JSONValue, _ text: String) { #expect(value.text == text) }

  @Test("members are sorted by their bytes, whatever their normal form")
  func memberOrder() {
    let value = JSONValue.object(["\u{E9}": 1, "z": 2, "\u{10000}": 3, "\u{FFFF}": 4])
    #expect(value.text == "{\"z\":2,\"\u{E9}\":1,\"\u{FFFF}\":4,\"\u{10000}\":3}")
  }

  @Test("what is written reads back the same", arguments: 1...20)
  func roundTrip(_ seed: UInt64) throws {
    let random = SeededRandom(seed: seed)
    for _ in 0..<50 {
      let value = Self.value(random, depth: 0)
      #expect(try JSONValue(parsing: value.encoded()) == value, "seed \(seed): \(value.text)")
    }
  }

  @Test("random bytes and cut texts never crash", arguments: 1...20)
  func fuzz(_ seed: UInt64) {
    let random = SeededRandom(seed: seed)
    for _ in 0..<100 {
      var bytes = Self.value(random, depth: 0).encoded()
      for _ in 0...random.next() % 3 where !bytes.isEmpty {
        let place = Int(random.next() % UInt64(bytes.count))
        if random.next() % 2 == 0 {
          bytes[place] = UInt8(truncatingIfNeeded: random.next())
        } else {
          bytes.removeSubrange(place...)
        }
      }
      do {
        let value = try JSONValue(parsing: bytes)
        #expect(throws: Never.self) { try JSONValue(parsing: value.encoded()) }
      } catch {
        #expect((0...bytes.count).contains(error.offset), "seed \(seed)")
      }
    }
  }

  private static func value(_ random: SeededRandom, depth: Int) -> JSONValue {
    func text() -> String {
      var view = String.UnicodeScalarView()
      for _ in 0..<random.next() % 8 {
        if let scalar = Unicode.Scalar(UInt32(1 + random.next() % 0x1_0FFFF)) { view.append(scalar) }
      }
      return String(view)
    }
    switch random.next() % (depth > 4 ? 5 : 7) {
    case 0: return nil
    case 1: return .bool(random.next() % 2 == 0)
    case 2: return .integer(Int64(bitPattern: random.next()))
    case 3: return .double((random.unit() - 0.5) * 1e6 + 0.25)
    case 4: return .string(text())
    case 5: return .array((0..<random.next() % 4).map { _ in value(random, depth: depth + 1) })
    default:
      let members = (0..<random.next() % 4).map { _ in (text(), value(random, depth: depth + 1)) }
      return .object(Dictionary(members, uniquingKeysWith: { first, _ in first }))
    }
  }

  @Test("numbers are integers or doubles by what they hold")
  func numbers() {
    #expect(JSONValue.double(3).integerValue == 3)
    #expect(JSONValue.double(3.5).integerValue == nil)
    #expect(JSONValue.double(1e300).integerValue == nil)
    #expect(JSONValue.integer(3).doubleValue == 3)
    #expect(JSONValue.string("3").integerValue == nil)
    #expect(JSONValue.array([])["a"] == nil)
  }
}
