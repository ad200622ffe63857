import Testing

@testable import AgentSystem

@Suite("Tables")
struct TextTableTests {
  private let plain = Paint(isTerminal: false, environment: [:])

  @Test("columns are as wide as their widest cell, numbers stand at the right")
  func ascii() {
    var table = TextTable(["TASK", "N", "TEXT"], numeric: [1])
    table.add(["task-1", "5", "short"])
    table.add(["task-1000", "12345", "a longer text"])
    #expect(
      table.text(plain, limit: nil) == """
        TASK           N  TEXT
        task-1         5  short
        task-1000  12345  a longer text

        """)
  }

  @Test("Chinese, Japanese and emoji take two columns, marks none")
  func wide() {
    var table = TextTable(["NAME", "X"])
    for name in ["读文件", "ｆｕｌｌ", "e\u{301}te\u{301}", "🙂🙂", "abcdef"] { table.add([.init(name), "|"]) }
    #expect(
      table.text(plain, limit: nil) == """
        NAME      X
        读文件    |
        ｆｕｌｌ  |
        e\u{301}te\u{301}       |
        🙂🙂      |
        abcdef    |

        """)
  }

  @Test(
    "a text's width",
    arguments: [
      ("", 0), ("abc", 3), ("日本語", 6), ("한글", 4), ("é", 1), ("e\u{301}", 1), ("🙂", 2), ("👨‍👩‍👧", 2), ("❤️", 2),
      ("a\u{200B}b", 2), ("…", 1),
    ])
  func widths(text: String, expected: Int) { #expect(DisplayWidth.of(text) == expected) }

  @Test(
    "a text is cut between characters, never wider than asked",
    arguments: [
      ("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("日本語", 5, "日本…"), ("日本語", 4, "日…"), ("ab", 1, "…"),
      ("ab", 0, ""),
    ])
  func cut(text: String, columns: Int, expected: String) {
    let fitted = DisplayWidth.fitted(text, to: columns)
    #expect(fitted == expected)
    #expect(DisplayWidth.of(fitted) <= columns)
  }

  @Test("on a terminal no line is wider than it")
  func limit() {
    var table = TextTable(["A", "B"])
    table.add(["one", .init(String(repeating: "文", count: 60))])
    let lines = table.text(plain, limit: 40).split(separator: "\n")
    #expect(lines.allSatisfy { DisplayWidth.of($0) <= 40 })
    #expect(lines[1].hasSuffix("文…"))
  }

  @Test("a cell cannot break its line or colour the next one")
  func hostileCell() {
    var table = TextTable(["A", "B"])
    table.add([.init("x\ny\u{1B}[31m"), "z"])
    #expect(table.text(plain, limit: nil) == "A               B\nx\\ny\\u{1B}[31m  z\n")
  }

  @Test("colours stand only on a terminal without NO_COLOR, and do not move the columns")
  func colours() {
    func text(_ isTerminal: Bool, _ environment: [String: String]) -> String {
      var table = TextTable(["S", "B"])
      table.add([.init("failed", .red), "b"])
      return table.text(Paint(isTerminal: isTerminal, environment: environment), limit: nil, withHeader: false)
    }
    #expect(text(true, [:]) == "\u{1B}[31mfailed\u{1B}[0m  b\n")
    #expect(text(true, ["NO_COLOR": ""]) == "\u{1B}[31mfailed\u{1B}[0m  b\n")
    #expect(text(true, ["NO_COLOR": "1"]) == "failed  b\n")
    #expect(text(false, [:]) == "failed  b\n")
  }
}
