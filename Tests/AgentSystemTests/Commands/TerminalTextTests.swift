import AgentCore
import Testing

@testable import AgentSystem

@Suite("Text made safe for a terminal")
struct TerminalTextTests {
  @Test(
    "every control character of a line becomes visible",
    arguments: [
      ("plain ü 日本 🙂", "plain ü 日本 🙂"), ("a\u{1B}[31mb", "a\\u{1B}[31mb"), ("a\u{07}\u{00}", "a\\u{07}\\u{00}"),
      ("a\nb\tc", "a\\nb\\tc"), ("\r\n", "\\u{0D}\\n"), ("\u{7F}", "\\u{7F}"), ("\u{9B}31m", "\\u{9B}31m"),
      ("\u{85}", "\\u{85}"), ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"), ("\u{202E}evil", "\\u{202E}evil"),
      ("\u{2066}\u{2069}", "\\u{2066}\\u{2069}"), ("\u{200F}\u{061C}", "\\u{200F}\\u{61C}"),
    ])
  func line(text: String, expected: String) { #expect(TerminalText.line(text) == expected) }

  @Test(
    "text of many lines keeps its line feeds and tabs and nothing else",
    arguments: [
      ("a\n\tb\n", "a\n\tb\n"), ("a\r\nb", "a\nb"), ("a\rb", "a\\u{0D}b"),
      ("a\u{1B}]0;x\u{07}\n", "a\\u{1B}]0;x\\u{07}\n"),
      ("\u{202E}\n", "\\u{202E}\n"), ("e\u{301}\n", "e\u{301}\n"),
    ])
  func block(text: String, expected: String) {
    #expect(Array(TerminalText.block(text).unicodeScalars) == Array(expected.unicodeScalars))
  }

  @Test("JSON stays the same value with every such character written as an escape")
  func json() throws {
    let value: JSONValue = ["t": .string("\u{1B}\u{9B}\u{2028}\u{202E}\u{61C}ü\n")]
    let text = TerminalText.json(value.text)
    #expect(text.unicodeScalars.allSatisfy { TerminalText.isPlain($0) })
    #expect(try JSONValue(parsing: text) == value)
  }
}
