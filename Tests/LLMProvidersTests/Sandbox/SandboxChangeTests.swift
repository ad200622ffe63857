import AgentCore
import AgentTestKit
import LLMProviders
import Testing

/// Conversations that write or change files.
@Suite("The sandbox provider changing files")
struct SandboxChangeTests {
  @Test(
    "a result is written to the file that the prompt names",
    arguments: [
      ("Summarise docs/backup.md and write the result to out/summary.md", "out/summary.md"),
      ("Write a summary of docs/backup.md to out.md", "out.md"),
      ("Save a summary of docs/backup.md as out.md", "out.md"),
      ("Create a file called out.md with a summary of docs/backup.md", "out.md"),
      ("总结 docs/backup.md，写入 out.md", "out.md"), ("把 docs/backup.md 的摘要保存到 out.md", "out.md"),
      ("Read docs/backup.md, summarise it into out.md", "out.md"),
    ])
  func write(prompt: String, target: String) async throws {
    let workshop = try Workshop(SampleTexts.project)
    let conversation = try await workshop.ask(prompt)
    #expect(conversation.called("file.write").count == 1)
    #expect(conversation.answer.contains("`\(target)`"))
    let written = try workshop.text(of: target)
    #expect(written.contains("`docs/backup.md`"))
    #expect(written.contains("A backup is one file."))
    #expect(written.contains("sandbox"))
  }

  @Test(
    "a writer or researcher who is asked for a report writes one", arguments: ["writer", "researcher"] as [AgentID])
  func report(agent: AgentID) async throws {
    let workshop = try Workshop(SampleTexts.project)
    let english = try await workshop.ask("Write a report about the docs folder", agent: agent)
    let report = try workshop.text(of: "report.md")
    #expect(english.answer.contains("`report.md`"))
    for path in ["docs/backup.md", "docs/queue.md", "docs/备份.md"] { #expect(report.contains("## `\(path)`")) }
    #expect(report.contains("- Claims (line 6)"))
    _ = try await workshop.ask("写一份关于 docs/queue.md 的报告，保存到 报告.md", agent: agent)
    #expect(try workshop.text(of: "报告.md").contains("# 报告"))
  }

  @Test("another agent's report without a file name is the answer")
  func reportAsAnswer() async throws {
    let workshop = try Workshop(SampleTexts.project)
    let conversation = try await workshop.ask("Write a report on docs/queue.md")
    #expect(conversation.called("file.write").isEmpty)
    #expect(conversation.answer.contains("# Report"))
  }

  @Test(
    "a file is created with exactly the given text",
    arguments: [
      "create file notes/a.txt with \"Hello, workers.\"",
      "Create a new file named notes/a.txt containing \"Hello, workers.\"",
      "write \"Hello, workers.\" to notes/a.txt", "创建文件 notes/a.txt，内容为“Hello, workers.”",
      "把“Hello, workers.”写入 notes/a.txt",
      "Create notes/a.txt with the text: Hello, workers.",
    ])
  func create(prompt: String) async throws {
    let workshop = try Workshop()
    let conversation = try await workshop.ask(prompt)
    #expect(try workshop.text(of: "notes/a.txt") == "Hello, workers.")
    #expect(conversation.answer.contains("`notes/a.txt`"))
    #expect(conversation.replies.count == 2)
  }

  @Test("a line is appended to what stands there")
  func append() async throws {
    let workshop = try Workshop(["log.txt": "first"])
    _ = try await workshop.ask("Append \"second\" to log.txt")
    #expect(try workshop.text(of: "log.txt") == "first\nsecond\n")
  }

  @Test(
    "adding to a file keeps what stands there, whatever is added",
    arguments: [
      "Add \"third\" to log.txt", "append \"third\" to log.txt", "Add a summary of docs/queue.md to log.txt",
      "把“third”追加到 log.txt",
      "总结 docs/queue.md，追加到 log.txt",
    ])
  func adding(prompt: String) async throws {
    let workshop = try Workshop(SampleTexts.project.merging(["log.txt": "first\nsecond\n"]) { $1 })
    let conversation = try await workshop.ask(prompt)
    let text = try workshop.text(of: "log.txt")
    #expect(text.hasPrefix("first\nsecond\n") && text.count > 15, "\(conversation.answer)")
  }

  @Test("a file that cannot be read is not added to")
  func addingBlind() async throws {
    let workshop = try Workshop(["log.txt": "first\n"], broken: ["file.read": "the disk is on fire"])
    let conversation = try await workshop.ask("Append \"second\" to log.txt")
    #expect(try workshop.text(of: "log.txt") == "first\n")
    #expect(conversation.answer.contains("`log.txt` was not written"))
  }

  @Test("a copy is the file's own text")
  func copy() async throws {
    let workshop = try Workshop(SampleTexts.project)
    _ = try await workshop.ask("Copy docs/queue.md to copy.md")
    #expect(try workshop.text(of: "copy.md") == SampleTexts.queue)
  }

  @Test(
    "a text is replaced wherever it stands in the file",
    arguments: [
      "replace \"worker\" with \"robot\" in docs/queue.md", "In docs/queue.md, change 'worker' to 'robot'",
      "replace worker with robot in docs/queue.md", "把 docs/queue.md 中的“worker”替换为“robot”",
      "把「worker」改成「robot」，文件 docs/queue.md",
    ])
  func replace(prompt: String) async throws {
    let workshop = try Workshop(SampleTexts.project)
    let conversation = try await workshop.ask(prompt)
    #expect(try workshop.text(of: "docs/queue.md") == SampleTexts.queue.replacing("worker", with: "robot"))
    #expect(conversation.called("file.edit").count == 1)
    #expect(conversation.answer.contains("4"))
  }

  @Test("a replacement without a file name changes the files that hold the text, and only those")
  func replaceEverywhere() async throws {
    let workshop = try Workshop(["a.txt": "red", "b.txt": "blue", "sub/c.md": "red and red"])
    let conversation = try await workshop.ask("Replace \"red\" with \"green\"")
    #expect(try workshop.text(of: "a.txt") == "green")
    #expect(try workshop.text(of: "b.txt") == "blue")
    #expect(try workshop.text(of: "sub/c.md") == "green and green")
    #expect(conversation.called("file.edit").count == 2)
  }

  @Test("a text that is not there is not replaced, and the answer says so")
  func replaceNothing() async throws {
    let workshop = try Workshop(SampleTexts.project)
    let conversation = try await workshop.ask("replace \"zebra\" with \"horse\" in docs/queue.md")
    #expect(conversation.called("file.edit").isEmpty)
    #expect(conversation.answer.contains("“zebra” does not stand in it"))
  }

  @Test(
    "a title is mended by rule",
    arguments: [
      ("#  the   queue .\n\ntext\n", "# The queue\n\ntext\n"), ("## Second level:\n", "# Second level\n"),
      ("the title\n\nthe title\n", "# The title\n\nthe title\n"),
    ])
  func title(before: String, after: String) async throws {
    for prompt in ["fix the title in README.md", "修正 README.md 的标题"] {
      let workshop = try Workshop(["README.md": before])
      let conversation = try await workshop.ask(prompt)
      #expect(try workshop.text(of: "README.md") == after)
      #expect(conversation.answer.contains("`README.md`"))
    }
  }

  @Test("a title is set to the given one")
  func titleTo() async throws {
    let workshop = try Workshop(["README.md": "# Old\n\ntext\n"])
    _ = try await workshop.ask("Change the title of README.md to \"New days\"")
    #expect(try workshop.text(of: "README.md") == "# New days\n\ntext\n")
    _ = try await workshop.ask("将 README.md 的标题改为“新标题”")
    #expect(try workshop.text(of: "README.md") == "# 新标题\n\ntext\n")
  }

  @Test("a title that is right is left alone")
  func goodTitle() async throws {
    let conversation = try await Workshop(["README.md": "# Right\n"]).ask("fix the title in README.md")
    #expect(conversation.called("file.edit").isEmpty)
    #expect(conversation.answer.contains("needs no change"))
  }

  @Test("what is beyond extraction is not faked: nothing is written")
  func beyond() async throws {
    let workshop = try Workshop(SampleTexts.project)
    for prompt in [
      "Translate docs/queue.md and save it to zh.md", "Read docs/queue.md, translate it and save it to zh.md",
      "翻译 docs/queue.md，保存到 zh.md", "Delete docs/queue.md",
    ] {
      let conversation = try await workshop.ask(prompt)
      #expect(conversation.called("file.write").isEmpty && conversation.called("file.edit").isEmpty)
      #expect(conversation.answer.contains("beyond extraction") || conversation.answer.contains("超出摘录"))
    }
  }
}
