import AgentCore

/// Writes what was gathered down: the text of an answer, or of the file that was asked for.
struct SandboxReport {
  let order: SandboxOrder
  let knowledge: SandboxKnowledge
  let gathering: SandboxGathering
  let offered: Set<String>

  var documents: [SandboxDocument] {
    order.pasted.map { [SandboxDocument(path: order.language("your text", "您给出的文本"), text: $0)] } ?? gathering.documents
  }

  /// The last line of every answer.
  var origin: String {
    order.language(
      "Made by the offline sandbox provider, extractively, without a language model.",
      "本回答由离线沙箱提供方（sandbox）以摘录方式生成，未使用语言模型。")
  }

  // MARK: the file

  /// What goes into the file that was asked for; nil when there is nothing to put there.
  func fileText() -> String? {
    guard let target = order.target else { return nil }
    let result: String
    if let content = order.content {
      result = content
    } else {
      guard !documents.isEmpty || !order.actions.isDisjoint(with: [.search, .list]) else { return nil }
      if order.producing == [.read] {
        guard let copy = copied() else { return nil }
        result = copy
      } else {
        let body = body()
        guard !body.isEmpty else { return nil }
        result = body + "\n\n---\n" + origin + "\n"
      }
    }
    return order.isAppending ? appended(result, to: target) : result
  }

  /// Nil where the file could not be read whole: writing back a part would lose the rest.
  private func appended(_ text: String, to target: String) -> String? {
    let end = text.hasSuffix("\n") ? "" : "\n"
    guard let file = knowledge.texts[target] else {
      // A file that is not there yet begins with the text; one that could not be read for another reason stays.
      let error = knowledge.readErrors[target] ?? ""
      return error.contains("not_found") || error.contains("not found") ? text + end : nil
    }
    guard file.cutNote == nil, !file.isBinary else { return nil }
    return file.text + (file.text.isEmpty || file.text.hasSuffix("\n") ? "" : "\n") + text + end
  }

  /// Several files one after the other, one file as it is.
  private func copied() -> String? {
    let texts = documents.filter { !$0.isBinary && $0.cutNote == nil }.map(\.text)
    return texts.isEmpty || texts.count < documents.count ? nil : texts.joined(separator: "\n")
  }

  // MARK: the answer

  /// The final answer, at most so many bytes long (but never less than its closing lines need): results, what failed,
  /// what was looked at, and how it was made. `change` is nil when the turns ran out before the work was done.
  func answer(maximumBytes: Int, change: SandboxChange?) -> String {
    var closing: [String] = []
    if change == nil {
      closing.append(
        order.language(
          "Stopped after \(SandboxLimits.toolTurns) turns of tool calls with what was found so far.",
          "已调用工具 \(SandboxLimits.toolTurns) 轮，到此为止，仅给出目前的结果。"))
    }
    if !failureLines.isEmpty { closing.append(failureLines.joined(separator: "\n")) }
    if let beyond = beyondLine { closing.append(beyond) }
    if let seen = seenLine { closing.append(seen) }
    closing.append(origin)
    let end = closing.joined(separator: "\n\n")
    let main = mainPart(change)
    guard !main.isEmpty else { return end }
    return cut(main, to: maximumBytes - end.utf8.count - 2) + "\n\n" + end
  }

  private func mainPart(_ change: SandboxChange?) -> String {
    guard !order.actions.isEmpty else { return notUnderstood }
    var parts: [String] = []
    if let change { parts += changeLines(change) }
    if let target = order.target, fileText() != nil || !knowledge.writes.isEmpty {
      parts.append(writeLine(target))
      if knowledge.writes.contains(where: { $0.error == nil }) { return parts.joined(separator: "\n\n") }
    }
    if order.target != nil, fileText() == nil {
      parts.append(
        order.language(
          "`\(order.target ?? "")` was not written: there is nothing whole to write.",
          "未写入 `\(order.target ?? "")`：没有完整的内容可写。"))
    }
    if order.content == nil { parts.append(body()) }
    parts.removeAll(where: \.isEmpty)
    if parts.isEmpty, failureLines.isEmpty {
      parts.append(order.language("There was no text file to work on.", "没有可处理的文本文件。"))
    }
    return parts.joined(separator: "\n\n")
  }

  private func writeLine(_ target: String) -> String {
    guard let write = knowledge.writes.first else {
      return order.language(
        "`\(target)` was not written: the tool file.write is not offered to this agent.",
        "未写入 `\(target)`：该智能体没有 file.write 工具。")
    }
    if let error = write.error {
      return order.language(
        "`\(target)` was not written. The tool's error: \(oneLine(error))", "未能写入 `\(target)`。工具报错：\(oneLine(error))")
    }
    let kinds = order.producing.map { name(of: $0) }.joined(separator: order.language(", ", "、"))
    if order.content != nil || kinds.isEmpty {
      return order.language("Wrote the given text to `\(target)`.", "已将给定文本写入 `\(target)`。")
    }
    return order.language("Wrote to `\(target)`: \(kinds).", "已写入 `\(target)`：\(kinds)。")
  }

  private func changeLines(_ change: SandboxChange) -> [String] {
    guard !order.actions.isDisjoint(with: [.replace, .fixTitle]) else { return [] }
    var lines: [String] = []
    for document in documents {
      if let attempt = knowledge.edits.first(where: { $0.path == document.path }) {
        lines.append(editLine(change, document, error: attempt.error))
      } else if change.edit(of: document) != nil {
        lines.append(
          order.language(
            "`\(document.path)` was not changed: the tool file.edit is not offered to this agent.",
            "未修改 `\(document.path)`：该智能体没有 file.edit 工具。"))
      } else if order.actions.contains(.fixTitle) {
        lines.append(
          order.language(
            "`\(document.path)`: the title needs no change by rule (spacing, marks, capital).",
            "`\(document.path)`：按规则（空格、标点、大小写）标题无需修改。"))
      } else if !order.sources.isEmpty {
        lines.append(
          order.language(
            "`\(document.path)` was not changed: “\(oneLine(order.replacement?.old ?? ""))” does not stand in it.",
            "未修改 `\(document.path)`：其中没有“\(oneLine(order.replacement?.old ?? ""))”。"))
      }
    }
    if lines.isEmpty, let old = order.replacement?.old {
      lines = [order.language("Nothing was changed: “\(oneLine(old))” was not found.", "未作修改：没有找到“\(oneLine(old))”。")]
    }
    return [lines.joined(separator: "\n")]
  }

  private func editLine(_ change: SandboxChange, _ document: SandboxDocument, error: String?) -> String {
    if let error {
      return order.language(
        "`\(document.path)` was not changed. The tool's error: \(oneLine(error))",
        "未能修改 `\(document.path)`。工具报错：\(oneLine(error))")
    }
    guard let replacement = order.replacement else {
      let titles = change.titles(of: document)
      let (old, new) = (oneLine(titles?.old ?? ""), oneLine(titles?.new ?? ""))
      return order.language(
        "Changed the title of `\(document.path)` from “\(old)” to “\(new)”.",
        "已将 `\(document.path)` 的标题由“\(old)”改为“\(new)”。")
    }
    let count = change.occurrences(in: document)
    return order.language(
      "Replaced “\(oneLine(replacement.old))” with “\(oneLine(replacement.new))” in `\(document.path)` (\(count) "
        + "\(count == 1 ? "place" : "places")).",
      "已在 `\(document.path)` 中将“\(oneLine(replacement.old))”替换为“\(oneLine(replacement.new))”（\(count) 处）。")
  }

  // MARK: closing lines

  private var failureLines: [String] {
    documents.compactMap { document in
      document.cutNote.map {
        order.language(
          "Only a part of `\(document.path)` was read: \(oneLine($0))", "只读取了 `\(document.path)` 的一部分：\(oneLine($0))")
      }
    }
      + gathering.failures.map { failure in
        order.language(
          "Could not look at `\(failure.path)`: \(oneLine(failure.error))",
          "无法查看 `\(failure.path)`：\(oneLine(failure.error))")
      }
  }

  private var beyondLine: String? {
    guard !order.beyond.isEmpty else { return nil }
    let words = order.beyond.joined(separator: ", ")
    return order.language(
      "Not done, since it is beyond extraction: \(words).", "未完成（超出摘录的能力）：\(words)。")
  }

  private var seenLine: String? {
    let files = gathering.documents.map { "`\($0.path)`" }
    let folders = gathering.folders.map { $0 == "." ? order.language("the top folder", "顶层目录") : "`\($0)/`" }
    let seen = (files + (files.isEmpty ? folders : [])).joined(separator: order.language(", ", "、"))
    return seen.isEmpty ? nil : order.language("Looked at: \(seen).", "查看了：\(seen)。")
  }

  private var notUnderstood: String {
    var parts = [
      order.language(
        """
        I could not tell from the request what to do. Without a language model I can: list folders; read files; search \
        for "words"; count lines, words and characters; outline headings; summarise by quoting sentences; compare files; \
        make tables; write a result or a report to a file; create a file with a "text"; replace "a" with "b" in a file; \
        fix a title. Name the file or folder and one of these verbs.
        """,
        "我无法从请求中判断要做什么。在没有语言模型的情况下，我可以：列出目录；读取文件；搜索“词语”；统计行数、词数和字数；列出大纲；摘录原句作摘要；"
          + "比较文件；制作表格；把结果或报告写入文件；用给定文本创建文件；在文件中把“甲”替换为“乙”；修正标题。请写明文件或目录以及其中一个动词。")
    ]
    if !documents.isEmpty { parts.append(countSection()) }
    if !gathering.folders.isEmpty { parts.append(listSection()) }
    return parts.joined(separator: "\n\n")
  }

  // MARK: texts

  /// The first line of it, short, without control characters.
  func oneLine(_ text: String) -> String {
    let line = TextLines.split(text).first { !$0.trimmed.isEmpty } ?? ""
    var plain = String.UnicodeScalarView()
    for scalar in line.unicodeScalars.prefix(SandboxLimits.lineCharacters) {
      plain.append(scalar.properties.generalCategory == .control ? " " : scalar)
    }
    let isCut = line.unicodeScalars.count > SandboxLimits.lineCharacters
    return String(plain) + (isCut ? "…" : "")
  }

  private func cut(_ text: String, to maximumBytes: Int) -> String {
    guard text.utf8.count > maximumBytes else { return text }
    let note = order.language("… (cut: the rest does not fit into one answer)", "……（已截断：其余内容超出一次回答的长度）")
    var kept = ""
    for line in TextLines.split(text) {
      guard kept.utf8.count + line.utf8.count + 1 + note.utf8.count <= maximumBytes else { break }
      kept += line + "\n"
    }
    return kept + note
  }
}
