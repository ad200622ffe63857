import AgentCore
import AgentTestKit
import LLMProviders
import Testing

/// Conversations that read files and change nothing.
@Suite("The sandbox provider reading files")
struct SandboxReadingTests {
  /// The quoted sentences of an answer: the items of its lists.
  static func quotations(in answer: String) -> [String] {
    var quotations: [String] = []
    for line in answer.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("- ") {
        quotations.append(String(line.dropFirst(2)))
      } else if !line.isEmpty, !line.hasPrefix("#"), !line.hasPrefix("Looked"), !line.hasPrefix("Made"),
        !line.hasPrefix("查看"), !line.hasPrefix("本回答"), !quotations.isEmpty
      {
        quotations[quotations.count - 1] += "\n" + line
      }
    }
    return quotations
  }

  @Test(
    "every sentence of a summary stands verbatim in the file that was read",
    arguments: [
      ("Summarise docs/backup.md", "docs/backup.md"), ("Read docs/queue.md and give me a summary", "docs/queue.md"),
      ("Please summarize \"docs/backup.md\" in 2 sentences.", "docs/backup.md"), ("总结 docs/备份.md", "docs/备份.md"),
      ("请概括docs/备份.md的要点", "docs/备份.md"), ("给出 docs/queue.md 的摘要", "docs/queue.md"),
      ("Give an overview of src/TokenBucket.swift", "src/TokenBucket.swift"),
    ])
  func summary(prompt: String, path: String) async throws {
    let workshop = try Workshop(SampleTexts.project)
    let conversation = try await workshop.ask(prompt)
    #expect(conversation.read.keys.contains(path))
    let quotations = Self.quotations(in: conversation.answer)
    #expect(quotations.count >= 2)
    let text = try workshop.text(of: path)
    for quotation in quotations { #expect(text.contains(quotation), "not in the file: \(quotation)") }
    #expect(!conversation.answer.contains("stands in a fence"))
  }

  @Test(
    "a summary has as many sentences as were asked for", arguments: [("in 2 sentences", 2), ("in one sentence", 1)])
  func sentenceLimit(words: String, count: Int) async throws {
    let workshop = try Workshop(SampleTexts.project)
    let conversation = try await workshop.ask("Summarise docs/backup.md \(words)")
    #expect(Self.quotations(in: conversation.answer).count == count)
    let chinese = try await workshop.ask("用\(count == 1 ? "一" : "两")句话总结 docs/备份.md")
    #expect(Self.quotations(in: chinese.answer).count == count)
  }

  @Test("different files give different summaries, the same file the same one")
  func different() async throws {
    let workshop = try Workshop(SampleTexts.project)
    let backup = try await workshop.ask("Summarise docs/backup.md")
    let queue = try await workshop.ask("Summarise docs/queue.md")
    let again = try await workshop.ask("Summarise docs/backup.md")
    #expect(Set(Self.quotations(in: backup.answer)).isDisjoint(with: Self.quotations(in: queue.answer)))
    #expect(backup.replies == again.replies)
  }

  @Test(
    "each answer names its model and ends by saying how it was made, in the prompt's language",
    arguments: [
      ("Summarise docs/backup.md", "without a language model."), ("总结 docs/queue.md", "未使用语言模型。"),
      ("blorb the frumious", "without a language model."), ("", "without a language model."), ("呜呼哀哉", "未使用语言模型。"),
      ("Search for 「备份」 in docs", "without a language model."),
    ])
  func honest(prompt: String, ending: String) async throws {
    let conversation = try await Workshop(SampleTexts.project).ask(prompt)
    #expect(conversation.replies.allSatisfy { $0.model == "sandbox-extractive" })
    let last = conversation.answer.split(separator: "\n").last ?? ""
    #expect(last.hasSuffix(ending) && last.contains("sandbox"))
    #expect(conversation.replies.last?.finish == .stop)
  }

  @Test("a folder is listed, its files are read and each is summarised")
  func folder() async throws {
    let workshop = try Workshop(SampleTexts.project)
    for prompt in ["Summarise the files in docs/", "Summarise the docs folder", "Summarise all docs", "总结 docs 目录"] {
      let conversation = try await workshop.ask(prompt)
      #expect(Set(conversation.read.keys) == ["docs/backup.md", "docs/queue.md", "docs/备份.md"], "\(prompt)")
      let texts = conversation.read.values.joined(separator: "\n")
      for quotation in Self.quotations(in: conversation.answer) { #expect(texts.contains(quotation)) }
      for path in conversation.read.keys { #expect(conversation.answer.contains("`\(path)`")) }
    }
  }

  @Test("without a name it lists first and reads text before anything else, eight files at most")
  func unnamed() async throws {
    let files = Dictionary(
      uniqueKeysWithValues: (1...20).map { ("note\($0).txt", "Note number \($0) speaks of subject \($0).\n") })
    let workshop = try Workshop(
      files.merging(["picture.png": "x", "README.md": "# Top\n\nThe top file comes first of all.\n"]) { $1 })
    let conversation = try await workshop.ask("Summarise everything")
    #expect(conversation.calls.first?.name == "file.list")
    #expect(conversation.read.count == 8)
    #expect(conversation.read.keys.contains("README.md"))
    #expect(!conversation.read.keys.contains("picture.png"))
  }

  @Test(
    "files of a folder are listed",
    arguments: [
      "List the files in docs", "list docs/", "What files are in the docs folder?", "列出 docs 目录中的文件", "docs/ 里有哪些文件",
    ])
  func list(prompt: String) async throws {
    let conversation = try await Workshop(SampleTexts.project).ask(prompt)
    #expect(conversation.answer.contains("- `docs/backup.md`"))
    #expect(conversation.answer.contains("- `docs/备份.md`"))
    #expect(conversation.called("file.read").isEmpty)
  }

  @Test("a bare order to list shows the top folder")
  func listTop() async throws {
    let conversation = try await Workshop(SampleTexts.project).ask("List the files here")
    #expect(conversation.answer.contains("- `docs/`"))
    #expect(conversation.answer.contains("- `README.md`"))
  }

  @Test(
    "headings become an outline with their lines, fences passed over",
    arguments: [
      ("Outline docs/backup.md", "- How to restore (line 15)"), ("列出 docs/backup.md 的大纲", "- How to restore（第 15 行）"),
      ("List the headings of docs/backup.md", "  - How to take a backup (line 6)"),
    ])
  func outline(prompt: String, line: String) async throws {
    let conversation = try await Workshop(SampleTexts.project).ask(prompt)
    #expect(conversation.answer.contains(line))
    #expect(!conversation.answer.contains("stands in a fence"))
  }

  @Test("declarations are the outline of a source file")
  func sourceOutline() async throws {
    let conversation = try await Workshop(SampleTexts.project).ask("Outline src/TokenBucket.swift")
    #expect(conversation.answer.contains("- struct TokenBucket (line 4)"))
    #expect(conversation.answer.contains("  - mutating func take() -> Bool (line 9)"))
  }

  @Test("lines, words, characters and bytes are counted as wc counts them")
  func counts() async throws {
    let workshop = try Workshop(["a.txt": "one two\nthree  four five\n", "b.txt": "中文 字\r\nx"])
    let english = try await workshop.ask("Count the words and lines in a.txt")
    #expect(english.answer.contains("| `a.txt` | 2 | 5 | 25 | 25 |"))
    let chinese = try await workshop.ask("统计 b.txt 的行数和字数")
    #expect(chinese.answer.contains("| `b.txt` | 2 | 3 | 7 | 3 | 13 |"))
    let both = try await workshop.ask("How many lines do a.txt and b.txt have?")
    #expect(both.answer.contains("| total | 4 | 8 | 32 | 3 | 38 |"))
  }

  @Test(
    "a search gives a table of file, line and text",
    arguments: [
      "Search for \"TODO\" in docs/", "find TODO", "Find all lines containing \"TODO\"", "grep TODO in docs",
      "搜索“TODO”",
      "在 docs 目录中查找「TODO」", "搜索TODO", "Make a table of the lines with \"TODO\"", "Search for \"TODO\" in docs/queue.md",
    ])
  func search(prompt: String) async throws {
    let conversation = try await Workshop(SampleTexts.project).ask(prompt)
    #expect(conversation.answer.contains("| `docs/queue.md` | 13 | The queue holds five million tasks. TODO: say what"))
  }

  @Test("a search without the search tool reads and looks itself")
  func searchByReading() async throws {
    let conversation = try await Workshop(SampleTexts.project).ask(
      "Search for \"TODO\" in docs/", tools: ["file.list", "file.read"])
    #expect(conversation.answer.contains("| `docs/queue.md` | 13 |"))
  }

  @Test("a search without hits says so")
  func searchNothing() async throws {
    let conversation = try await Workshop(SampleTexts.project).ask("Search for \"zebra crossing\"")
    #expect(conversation.answer.contains("No line with “zebra crossing” was found."))
  }

  @Test("a table of files shows counts and titles")
  func table() async throws {
    let conversation = try await Workshop(SampleTexts.project).ask("Make a table of the files in docs/")
    #expect(conversation.answer.contains("| The queue |"))
    #expect(conversation.answer.contains("| Backup and restore |"))
  }

  @Test("two files are compared by what only one of them has")
  func compare() async throws {
    let workshop = try Workshop([
      "a.md": "# One\n\nshared line\nonly left\n", "b.md": "# Two\n\nshared line\nonly right\n",
    ])
    for prompt in ["Compare a.md with b.md", "比较 a.md 和 b.md"] {
      let answer = try await workshop.ask(prompt).answer
      #expect(answer.contains("- only left") && answer.contains("- only right") && !answer.contains("- shared line"))
    }
  }

  @Test("a file that is to be shown is shown as it is")
  func show() async throws {
    let conversation = try await Workshop(SampleTexts.project).ask("Show me README.md")
    #expect(conversation.answer.contains(SampleTexts.project["README.md"] ?? "?"))
  }

  @Test("a question is answered with sentences that speak of it")
  func question() async throws {
    let workshop = try Workshop(SampleTexts.project)
    let conversation = try await workshop.ask("How does a worker claim the oldest task? See docs/queue.md")
    #expect(conversation.answer.contains("A worker claims the oldest task of the highest priority."))
    let chinese = try await workshop.ask("docs/备份.md 里主密钥丢失以后怎么样？")
    #expect(chinese.answer.contains("主密钥丢失以后，备份就没有用处了。"))
    let none = try await workshop.ask("What does docs/queue.md tell of marmalade?")
    #expect(none.answer.contains("No sentence in the files read speaks of: marmalade."))
  }

  @Test("a text in the prompt itself is summarised without any tool")
  func pasted() async throws {
    let conversation = try await Workshop().ask("Summarise this text:\n\n" + SampleTexts.queue, tools: [])
    let quotations = Self.quotations(in: conversation.answer)
    #expect(quotations.count >= 3)
    for quotation in quotations { #expect(SampleTexts.queue.contains(quotation)) }
  }
}
