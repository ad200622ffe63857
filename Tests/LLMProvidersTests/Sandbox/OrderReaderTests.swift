import AgentTestKit
import Testing

@testable import LLMProviders

@Suite("Reading an order from a prompt")
struct OrderReaderTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var prompt: String
    var actions: Set<SandboxAction>
    var sources: [String] = []
    var target: String?
    var needles: [String] = []
    var content: String?
    var testDescription: String { prompt }
  }

  private static let cases = [
    Case(prompt: "Summarise README.md", actions: [.summarise], sources: ["README.md"]),
    Case(prompt: "Please read ./docs/a.md, then summarise it.", actions: [.summarise], sources: ["docs/a.md"]),
    Case(
      prompt: "Summarise 'my notes.txt' and \"b c.md\"", actions: [.summarise], sources: ["my notes.txt", "b c.md"]),
    Case(prompt: "Don't panic: outline a.md", actions: [.outline], sources: ["a.md"]),
    Case(prompt: "Version 3.5 e.g. of https://example.org/a.md", actions: []),
    Case(prompt: "Make a table of contents for a.md", actions: [.outline], sources: ["a.md"]),
    Case(prompt: "Count the words of a.md and b.md", actions: [.count], sources: ["a.md", "b.md"]),
    Case(prompt: "Which files mention \"epoch\"?", actions: [.search], needles: ["epoch"]),
    Case(prompt: "search for claim number in docs/", actions: [.search], sources: ["docs/"], needles: ["claim number"]),
    Case(prompt: "List the src folder", actions: [.list], sources: ["src/"]),
    Case(prompt: "Write a summary of a.md to b.md", actions: [.summarise], sources: ["a.md"], target: "b.md"),
    Case(prompt: "Save the outline of a.md in b.md", actions: [.outline], sources: ["a.md"], target: "b.md"),
    Case(prompt: "Write a summary of what stands in a.md", actions: [.summarise], sources: ["a.md"]),
    Case(prompt: "Compare a.md to b.md", actions: [.compare], sources: ["a.md", "b.md"]),
    Case(prompt: "Write \"x\" to a.txt", actions: [.create], target: "a.txt", content: "x"),
    Case(prompt: "Summarize the annual report in a.md", actions: [.summarise], sources: ["a.md"]),
    Case(prompt: "Tell me about a.md", actions: [.summarise], sources: ["a.md"]),
    Case(prompt: "读取a.md并总结，保存到b.md", actions: [.summarise], sources: ["a.md"], target: "b.md"),
    Case(prompt: "请读取 a.md 并写一份总结到 b.md", actions: [.summarise], sources: ["a.md"], target: "b.md"),
    Case(prompt: "列出 src 目录", actions: [.list], sources: ["src/"]),
    Case(prompt: "统计“a.md”的字数", actions: [.count], sources: ["a.md"]),
    Case(prompt: "搜索备份密钥", actions: [.search], needles: ["备份密钥"]),
    Case(prompt: "查找包含“错误”的行", actions: [.search], needles: ["错误"]),
    Case(prompt: "比较 甲.md 和 乙.md", actions: [.compare], sources: ["甲.md", "乙.md"]),
    Case(prompt: "新建文件 a.txt，内容为：你好，世界", actions: [.create], target: "a.txt", content: "你好，世界"),
    Case(prompt: "呜呼哀哉", actions: []), Case(prompt: "", actions: []),
  ]

  @Test("verbs, names and quotations become an order", arguments: cases)
  func order(_ expected: Case) {
    let order = OrderReader.read(expected.prompt, agent: "coder")
    #expect(order.actions == expected.actions)
    #expect(order.sources == expected.sources)
    #expect(order.target == expected.target)
    #expect(order.needles == expected.needles)
    #expect(order.content == expected.content)
  }

  @Test("the other members of a task's input are no quotations, but may name the files")
  func members() {
    let named = OrderReader.read(
      "Count the words in a.md\n\n{\"api_key\":\"[sealed]\",\"note\":\"in b.md\"}", agent: "coder")
    #expect(named.sources == ["a.md"] && named.needles.isEmpty && named.actions == [.count])
    let files = OrderReader.read("Summarise these\n\n{\"files\":[\"a.md\",\"b/c.md\"],\"n\":1}", agent: "coder")
    #expect(files.sources == ["a.md", "b/c.md"] && files.actions == [.summarise])
    let given = OrderReader.read("Create a.json with the text:\n\n{\"a\":1}", agent: "coder")
    #expect(given.content == "{\"a\":1}" && given.target == "a.json")
    let broken = OrderReader.read("Summarise a.md\n\n{ not json }", agent: "coder")
    #expect(broken.sources == ["a.md"])
  }

  @Test(
    "replacements are read with and without quotation marks",
    arguments: [
      ("replace \"a b\" with \"c\" in x.md", "a b", "c"), ("Replace foo with bar in x.md", "foo", "bar"),
      ("replace all occurrences of “x” by “y”", "x", "y"), ("change 'it' to 'them' in x.md", "it", "them"),
      ("把“甲”替换为“乙”", "甲", "乙"), ("把 foo 替换为 bar", "foo", "bar"), ("在 x.md 中将「一」改成「二」", "一", "二"),
      ("replace \"a\" with \"\"", "a", ""),
    ])
  func replacement(prompt: String, old: String, new: String) {
    let order = OrderReader.read(prompt, agent: "coder")
    #expect(order.replacement == SandboxOrder.Replacement(old: old, new: new))
  }

  @Test("many random orders all end in an answer, and only orders to write, write", arguments: 1...4)
  func random(seed: UInt64) async throws {
    let random = SeededRandom(seed: seed)
    let pieces = [
      "summarise", "list", "search for", "\"TODO\"", "docs/", "docs/queue.md", "README.md", "count", "outline",
      "compare", "and",
      "in", "then", "统计", "总结", "搜索", "「备份」", "docs/备份.md", "列出", "missing.md", "?", "，", "table", "read", "how",
      "worker",
      "replace", "with", "\u{7}", "report", "the", "folder", "“", "title", "fix", "docs",
    ]
    let workshop = try Workshop(SampleTexts.project)
    for _ in 1...15 {
      let prompt = (0..<Int(random.next() % 9)).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }
        .joined(separator: " ")
      let conversation = try await workshop.ask(prompt)
      #expect(!conversation.answer.isEmpty, "seed \(seed): \(prompt)")
      #expect(conversation.called("file.write").isEmpty, "seed \(seed): \(prompt)")
    }
  }
}
