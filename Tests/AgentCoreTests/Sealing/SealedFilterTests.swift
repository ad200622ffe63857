import AgentCore
import Foundation
import Testing

@Suite struct SealedFilterTests {
  private static let secrets = [
    "hunter2-hunter2", "aB3/+x&y=z \"quoted\" \\ end", "pässwörd-λόγος-🔑", "line one\nline two\ttabbed",
    "<a href='x'>&amp;</a>",
    "00000000", "8 bytes!", "%41%42 already percent", String(repeating: "long-Secret/", count: 2000),
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

  @Test("a sealed value is found in each way that it is written", arguments: secrets)
  func forms(secret: String) {
    let filter = SealedFilter([Secret(secret)])
    for (name, write) in Self.writers {
      // Texts of several thousand bytes are not written in three times as many.
      if secret.utf8.count > 4096, ["percent, lower case", "hexadecimal"].contains(name) { continue }
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
    let filter = SealedFilter([Secret("hunter2-hunter2"), Secret("ter2-hun-other"), Secret("päss-🔑-päss")])
    let texts = [
      "a hunter2-hunter2 b", "hunter2-hunter", "hunter2-hunter2-hunter2", "nothing here", "hunhunter2-hunter2",
      "x päss-🔑-päss päss-🔑", "hunter2-hun-other ter2-hun-other",
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
