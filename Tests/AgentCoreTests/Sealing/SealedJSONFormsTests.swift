import AgentCore
import Foundation
import Testing

/// JSON that is encoded whole, by writers that escape more than they must.
@Suite struct SealedJSONFormsTests {
  private static let secrets = [
    "Umlaut-ä-55555", "slash/in/it/333", "λόγος/🔑/päss<word>&'x'+=\"y\" \\ end", "bell\u{1F}and/ß", "<a&b>='c'",
  ]

  /// By the characters that are escaped besides what must be.
  private static let writers: [(name: String, html: String, slash: Bool, others: Bool, upper: Bool)] = [
    ("Python", "", false, true, false), ("PHP", "", true, true, false),
    ("PHP, unescaped Unicode", "", true, false, false),
    ("Go", "<>&", false, false, false), ("Go, ASCII", "<>&", false, true, false),
    ("Gson", "<>&='", false, false, false),
    (".NET", "<>&'+\"`", false, true, true), ("Jackson, ASCII", "", false, true, true),
    ("plain", "", false, false, false),
  ]

  private static func written(_ text: String, _ html: String, _ slash: Bool, _ others: Bool, _ upper: Bool) -> String {
    text.unicodeScalars.map { scalar in
      switch scalar {
      case _ where html.unicodeScalars.contains(scalar) || scalar.value < 0x20 || others && !scalar.isASCII:
        String(scalar).utf16.map { String(format: upper ? "\\u%04X" : "\\u%04x", $0) }.joined()
      case "\"": "\\\""
      case "\\": "\\\\"
      case "/" where slash: "\\/"
      default: String(scalar)
      }
    }.joined()
  }

  @Test("a value is found in base64 of JSON, whatever its writer escapes", arguments: secrets)
  func base64(secret: String) {
    let filter = SealedFilter([Secret(secret)])
    for writer in Self.writers {
      let json = Self.written(secret, writer.html, writer.slash, writer.others, writer.upper)
      for before in ["", "x", "xy"] {
        let encoded = Data(#"\#(before){"k": "\#(json)"}"#.utf8).base64EncodedString()
        for text in [encoded, encoded.replacing("+", with: "-").replacing("/", with: "_")] {
          let shown = filter.filtered(text)
          #expect(shown.contains("[sealed]"), "\(writer.name)")
          #expect(
            shown.count <= text.count - json.utf8.count * 4 / 3 + 3 + "[sealed]".count, "\(writer.name): \(shown)")
          var stream = SealedStream(filter)
          let streamed = text.map { stream.take(String($0)) }.joined() + stream.finish()
          #expect(streamed == shown, "\(writer.name)")
        }
      }
    }
  }

  @Test("many values with much to escape take a bounded room", .timeLimit(.minutes(1))) func bounded() {
    let secrets = (0..<40).map { Secret("\($0)" + String(repeating: "ä/<", count: 200)) }
    let filter = SealedFilter(secrets)
    #expect(!filter.isOverfull && filter.filtered("a \(secrets[39].reveal()) b") == "a [sealed] b")
  }
}
