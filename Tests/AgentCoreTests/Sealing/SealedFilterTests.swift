import AgentCore
import Foundation
import Testing

@Suite struct SealedFilterTests {
  private static let secrets = [
    "hunter2-hunter2", "aB3/+x&y=z \"quoted\" \\ end", "pässwörd-λόγος-🔑", "line one\nline two\ttabbed",
    "<a href='x'>&amp;</a>",
    "00000000", "8 bytes!", "%41%42 already percent", String(repeating: "long-Secret/", count: 400),
  ]

  /// The ways in which others write a text.
  private static let writers: [(name: String, write: @Sendable (String) -> String)] = [
    ("raw", { $0 }),
    ("our JSON", { JSONValue.string($0).text }),
    ("JSON in JSON", { JSONValue.string(JSONValue.string($0).text).text }),
    (
      "Foundation's JSON",
      { text in
        (try? JSONEncoder().encode([text])).map { String(decoding: $0, as: UTF8.self) } ?? text
      }
    ),
    (
      "JSON in ASCII",
      { text in
        text.unicodeScalars.map { scalar in
          switch scalar {
          case "\"": "\\\""
          case "\\": "\\\\"
          case "\n": "\\n"
          case "\t": "\\t"
          case _ where scalar.isASCII: String(scalar)
          default: String(scalar).utf16.map { String(format: "\\u%04x", $0) }.joined()
          }
        }.joined()
      }
    ),
    ("a query", { $0.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? $0 }),
    ("a path", { $0.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? $0 }),
    (
      "a form",
      { text in
        (text.addingPercentEncoding(withAllowedCharacters: CharacterSet(charactersIn: " ").union(.alphanumerics))
          ?? text)
          .replacing(" ", with: "+")
      }
    ),
    ("percent, lower case", { $0.utf8.map { String(format: "%%%02x", $0) }.joined() }),
    ("percent, here and there", { encoded($0) { $0 % 3 == 0 } }),
    ("percent, in a URL in a URL", { encoded($0) { $0 % 2 == 0 }.replacing("%", with: "%25") }),
    ("percent, in a form", { $0.split(separator: " ").map { encoded($0) { $0 % 4 == 1 } }.joined(separator: "+") }),
    ("percent of JSON", { encoded(JSONValue.string($0).text) { $0 % 2 == 1 } }),
    ("base64", { Data($0.utf8).base64EncodedString() }),
    ("base64, one byte before it", { Data(("u" + $0 + "more").utf8).base64EncodedString() }),
    ("base64, two bytes before it", { Data(("u:" + $0 + "!").utf8).base64EncodedString() }),
    (
      "base64 for URLs",
      { text in
        Data(("user:" + text).utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
      }
    ),
    (
      "base64 in a query",
      { text in
        Data(text.utf8).base64EncodedString().addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
      }
    ),
    ("hexadecimal", { $0.utf8.map { String(format: "%02X", $0) }.joined() }),
    (
      "HTML",
      { text in
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
          .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
      }
    ),
  ]

  /// With the bytes percent-encoded whose number fits, by digits of either case, and those that a URL cannot have.
  private static func encoded(_ text: some StringProtocol, _ isFit: (Int) -> Bool) -> String {
    text.utf8.enumerated().map { number, byte in
      let isPlain = byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "%") && byte != UInt8(ascii: "+")
      guard isFit(number) || !isPlain else { return String(decoding: [byte], as: UTF8.self) }
      return String(format: number % 2 == 0 ? "%%%02X" : "%%%02x", byte)
    }.joined()
  }

  @Test("a sealed value is found in each way that it is written", arguments: secrets)
  func forms(secret: String) {
    let filter = SealedFilter([Secret(secret)])
    for (name, write) in Self.writers {
      // Texts of several thousand bytes are not written in hexadecimal.
      if secret.utf8.count > 4096, name == "hexadecimal" { continue }
      let shown = filter.filtered("before \(write(secret)) after")
      #expect(shown.contains("[sealed]"), "\(name)")
      #expect(!shown.contains(write(secret)), "\(name)")
      #expect(shown.hasPrefix("before ") && shown.hasSuffix(" after"), "\(name): \(shown.prefix(100))")
    }
  }

  @Test("short values, other texts and the placeholder itself stay") func rest() {
    let filter = SealedFilter([Secret("seven77"), Secret("[sealed]"), Secret("")])
    #expect(filter.isEmpty && filter.filtered("seven77 [sealed]") == "seven77 [sealed]")
    let other = SealedFilter([Secret("hunter2-hunter2")])
    #expect(other.filtered("hunter2-hunter") == "hunter2-hunter")
    #expect("\(other)" == "[sealed]" && "\(String(reflecting: other))" == "[sealed]")
  }

  @Test("what stands around encoded characters stays, and what is not encoded is read as it is") func percent() {
    let filter = SealedFilter([Secret("a+b c%41d"), Secret("hunter2-hunter2")])
    #expect(filter.filtered("100%25 %68unter2%2Dhunter2%zz %") == "100%25 [sealed]%zz %")
    #expect(filter.filtered("a%2bb+c%2541d=a+b c%41d") == "[sealed]=[sealed]")
    #expect(filter.filtered("hunter2%2Dhunter") == "hunter2%2Dhunter")
    #expect(filter.filtered("%68unter2-hunter2%68unter2-hunter2") == "[sealed]")
    let other = SealedFilter([Secret("a%41bcdefg")])
    #expect(other.filtered("%61%41bcdefg %61%2541bcdefg aAbcdefg") == "%61%41bcdefg [sealed] aAbcdefg")
  }

  @Test("past 2,000 values nothing is shown any more, for some would not be found") func limit() {
    let secrets = (0..<2000).map { Secret("secret number \($0)") }
    var filter = SealedFilter(secrets)
    filter.add(secrets + [Secret("short"), Secret("[sealed]")])
    #expect(!filter.isOverfull && filter.filtered("it is secret number 1999.") == "it is [sealed].")
    filter.add([Secret("one too many")])
    #expect(filter.isOverfull && filter.filtered("anything") == "[sealed]" && filter.filtered("") == "")
    #expect(filter.filtered(["a": 1]) == "[sealed]" && filter.filtered(Array("x".utf8)) == Array("[sealed]".utf8))
    #expect(filter.filtered(Failure(code: "c", detail: "d")) == Failure(code: "c", detail: "[sealed]"))
    var stream = SealedStream(filter)
    #expect(stream.take("any").isEmpty && stream.finish().isEmpty)
    let values = secrets.map { JSONValue.string($0.reveal()) }
    #expect(SealedFilter.canLookFor(values + [["a": values[0]], "short", "[sealed]"]))
    #expect(!SealedFilter.canLookFor(values + [["a": ["b": 123_456_789]]]))
  }

  @Test("a filter whose only value is too long to be looked for lets nothing through") func tooLong() {
    let filter = SealedFilter([Secret(String(repeating: "x", count: 5 << 20))])
    #expect(filter.isOverfull && !filter.isEmpty && filter.filtered("words") == "[sealed]")
    var stream = SealedStream(filter)
    #expect(stream.take("words").isEmpty && stream.take(" more").isEmpty && stream.finish().isEmpty)
  }

  @Test("values that overlap or touch are one") func overlaps() {
    let filter = SealedFilter([Secret("abcdefgh"), Secret("efghijkl"), Secret("abcdefghij")])
    #expect(filter.filtered("x abcdefghijkl y") == "x [sealed] y")
    #expect(filter.filtered("abcdefghabcdefgh") == "[sealed]")
  }

  @Test("a value is filtered at every depth, in names too") func values() {
    let filter = SealedFilter([Secret("hunter2-hunter2"), Secret("12345678")])
    let value: JSONValue = ["a": [["hunter2-hunter2": "x hunter2-hunter2"]], "n": 12_345_678, "m": 1]
    #expect(filter.filtered(value) == ["a": [["[sealed]": "x [sealed]"]], "n": "[sealed]", "m": 1])
  }

  @Test("a text in pieces shows what the whole shows, however it is cut", arguments: 1...12) func streams(size: Int) {
    let filter = SealedFilter(
      [
        "hunter2-hunter2", "ter2-hun-other", "päss-🔑-päss", "abcdefgh", "ijklmnop", "gh--ijklmnop--zzz",
      ].map { Secret($0) })
    let texts = [
      "a hunter2-hunter2 b", "hunter2-hunter", "hunter2-hunter2-hunter2", "nothing here", "hunhunter2-hunter2",
      "x päss-🔑-päss päss-🔑", "hunter2-hun-other ter2-hun-other", "a hunter2%2dhunter2%2Db", "100% hunter2%2",
      "%25 %2568unter2-%68unter2 %", "p%c3%a4ss-%F0%9F%94%91-p%C3", "abcdefgh--ijklmnop--", "abcdefgh--ijklmnop--zzz",
    ]
    for text in texts {
      var stream = SealedStream(filter)
      var shown = ""
      var rest = text[...]
      while !rest.isEmpty {
        shown += stream.take(String(rest.prefix(size)))
        #expect(!shown.contains("hunter2-hunter2"))
        rest = rest.dropFirst(size)
      }
      shown += stream.finish()
      #expect(shown == filter.filtered(text), "\(text) by \(size)")
    }
  }

  @Test("a text without the beginning of a value comes at once") func immediate() {
    var stream = SealedStream(SealedFilter([Secret("hunter2-hunter2")]))
    let shown = [stream.take("hello "), stream.take("it is h"), stream.take("ere")]
    #expect(shown == ["hello ", "it is ", "here"])
  }
}
