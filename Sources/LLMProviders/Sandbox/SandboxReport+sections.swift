import AgentCore

/// The results, one section an action.
extension SandboxReport {
  /// All results, in the order of the actions; empty when there is nothing to show.
  func body() -> String {
    order.producing.compactMap(section).filter { !$0.isEmpty }.joined(separator: "\n\n")
  }

  func name(of action: SandboxAction) -> String {
    switch action {
    case .list: order.language("list of files", "文件列表")
    case .count: order.language("counts", "统计")
    case .outline: order.language("outline", "大纲")
    case .summarise: order.language("summary", "摘要")
    case .compare: order.language("comparison", "比较")
    case .table: order.language("table of files", "文件表格")
    case .search: order.language("found lines", "搜索结果")
    case .answer: order.language("passages on the question", "相关段落")
    case .read: order.language("text", "原文")
    case .report: order.language("report", "报告")
    case .create, .append, .replace, .fixTitle: ""
    }
  }

  private func section(_ action: SandboxAction) -> String? {
    switch action {
    case .list: gathering.folders.isEmpty ? (documents.isEmpty ? nil : countSection()) : listSection()
    case .search: searchSection()
    case .create, .append, .replace, .fixTitle: nil
    case _ where documents.isEmpty: nil
    case .count, .table: countSection(withTitles: action == .table)
    case .outline: outlineSection()
    case .summarise: summarySection()
    case .compare: comparisonSection()
    case .answer: passagesSection()
    case .read: readSection()
    case .report: reportSection()
    }
  }

  private func heading(_ english: String, _ chinese: String, level: Int = 2) -> String {
    String(repeating: "#", count: level) + " " + order.language(english, chinese)
  }

  // MARK: folders

  func listSection() -> String {
    gathering.folders.map { folder in
      let direct = knowledge.listings[folder]?.entries ?? []
      let below = knowledge.listings.filter { path, _ in
        order.isRecursive && path != folder && (folder == "." || path.hasPrefix(folder + "/"))
      }.flatMap(\.value.entries)
      let entries = (direct + below).sorted { $0.path < $1.path }
      let place = folder == "." ? order.language("the top folder", "顶层目录") : "`\(folder)`"
      guard !entries.isEmpty else { return order.language("No files in \(place).", "\(place) 中没有文件。") }
      let lines = entries.prefix(SandboxLimits.rows).map { "- `\($0.path)\($0.isFolder ? "/" : "")`" }
      return
        ([heading("Files in \(place) (\(entries.count))", "\(place) 中的文件（\(entries.count)）"), ""] + lines
        + rest(entries.count) + (knowledge.listings[folder]?.remarks ?? []).map(oneLine)).joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  private func rest(_ count: Int) -> [String] {
    let more = count - SandboxLimits.rows
    return more > 0 ? [order.language("… and \(more) more", "……另有 \(more) 项")] : []
  }

  // MARK: counts

  func countSection(withTitles: Bool = false) -> String {
    let counts = documents.map { TextCount($0.text) }
    let hasHan = counts.contains { $0.hanCharacters > 0 }
    var columns = [
      order.language("file", "文件"), order.language("lines", "行数"), order.language("words", "词数"),
      order.language("characters", "字符数"), order.language("bytes", "字节数"),
    ]
    if hasHan { columns.insert(order.language("Chinese characters", "汉字数"), at: 4) }
    if withTitles { columns.append(order.language("title", "标题")) }
    var rows = zip(documents, counts).map { document, count in
      var row = ["`\(document.path)`"] + cells(count, hasHan)
      if withTitles { row.append(TextOutline.headings(of: document).first?.title ?? "") }
      return row
    }
    if counts.count > 1 {
      var total = counts[0]
      for count in counts.dropFirst() { total.add(count) }
      rows.append([order.language("total", "合计")] + cells(total, hasHan) + (withTitles ? [""] : []))
    }
    return table(columns, rows)
  }

  private func cells(_ count: TextCount, _ hasHan: Bool) -> [String] {
    [count.lines, count.words, count.characters].map(String.init) + (hasHan ? ["\(count.hanCharacters)"] : [])
      + ["\(count.bytes)"]
  }

  private func table(_ columns: [String], _ rows: [[String]]) -> String {
    func line(_ cells: [String]) -> String {
      "| " + cells.map { oneLine($0).replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }
    let rule = "|" + String(repeating: " --- |", count: columns.count)
    return ([line(columns), rule] + rows.map(line)).joined(separator: "\n")
  }

  // MARK: outline, summary

  private func outlineSection() -> String {
    documents.map { document in
      ([heading("Outline of `\(document.path)`", "`\(document.path)` 的大纲"), ""] + outlineLines(document))
        .joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  private func outlineLines(_ document: SandboxDocument) -> [String] {
    let headings = TextOutline.headings(of: document)
    guard !headings.isEmpty else { return [order.language("It has no headings.", "没有标题。")] }
    let top = headings.map(\.level).min() ?? 1
    return headings.prefix(SandboxLimits.rows).map { heading in
      String(repeating: "  ", count: heading.level - top)
        + order.language("- \(heading.title) (line \(heading.line))", "- \(heading.title)（第 \(heading.line) 行）")
    } + rest(headings.count)
  }

  private func summarySection() -> String {
    let all = documents.map { SentenceSplitter.sentences(of: $0) }
    let chosen = chosenSentences(all)
    return documents.indices.compactMap { index -> String? in
      let document = documents[index]
      // With a limit for all files together, a file may have none of the sentences.
      if chosen[index].isEmpty, !all[index].isEmpty { return nil }
      return
        ([heading("Summary of `\(document.path)`", "`\(document.path)` 摘要"), ""] + summaryLines(document, chosen[index]))
        .joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  private func summaryLines(_ document: SandboxDocument, _ sentences: [Substring]) -> [String] {
    if document.isBinary {
      return [order.language("It looks like no text file; nothing is quoted.", "看起来不是文本文件，未摘录。")]
    }
    if sentences.isEmpty { return [order.language("It holds no sentences.", "没有可摘录的句子。")] }
    return sentences.map { "- " + $0 }
  }

  /// The sentences of each document's summary: so many for all together when the prompt says so, else a few for each.
  private func chosenSentences(_ all: [[SentenceSplitter.Sentence]]) -> [[Substring]] {
    if let limit = order.sentenceLimit, all.count > 1 {
      let flat = all.indices.flatMap { document in all[document].map { (document, $0) } }
      let chosen = ExtractiveSummary(flat.map(\.1), focus: order.focus).choose(limit)
      return all.indices.map { document in chosen.filter { flat[$0].0 == document }.map { flat[$0].1.text } }
    }
    return all.map { sentences in
      let usual = all.count == 1 ? min(max(sentences.count / 5, 3), 6) : min(max(sentences.count / 8, 2), 3)
      return ExtractiveSummary(sentences, focus: order.focus).choose(order.sentenceLimit ?? usual).map {
        sentences[$0].text
      }
    }
  }

  // MARK: search, passages

  private func searchSection() -> String {
    order.needles.map { needle in
      let (found, raw) = found(needle)
      let quoted = "“\(oneLine(needle))”"
      guard !found.isEmpty else {
        if let raw { return heading("Search for \(quoted)", "搜索\(quoted)") + "\n\n" + raw }
        return order.language("No line with \(quoted) was found.", "没有找到包含\(quoted)的行。")
      }
      let rows = found.prefix(SandboxLimits.rows).map { ["`\($0.file)`", "\($0.line)", $0.text] }
      let columns = [order.language("file", "文件"), order.language("line", "行号"), order.language("text", "内容")]
      return
        ([heading("Lines with \(quoted) (\(found.count))", "包含\(quoted)的行（\(found.count)）"), "", table(columns, rows)]
        + rest(found.count) + (raw.map { ["", $0] } ?? [])).joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  /// The lines found, and what the tool remarked beside them: bounds that it reached, errors.
  private func found(_ needle: String) -> (lines: [FoundLine], raw: String?) {
    var lines: [FoundLine] = []
    var remarks: [String] = []
    var isWhole = true
    let searches = knowledge.searches.filter { $0.needle == needle }
    for search in searches {
      switch search.result {
      case .text(let text):
        lines += FoundLines.parse(text)
        remarks += FoundLines.remarks(text)
      case .failed(let error):
        isWhole = false
        remarks.append(order.language("The search failed: \(oneLine(error))", "搜索失败：\(oneLine(error))"))
      }
    }
    // Files that were read are looked through where the tool did not do it.
    for document in documents where searches.isEmpty || !isWhole || order.sources.contains(document.path) {
      lines += FoundLines.search(needle, in: document)
    }
    var seen: Set<FoundLine> = []
    return (
      lines.filter { seen.insert($0).inserted }, remarks.isEmpty ? nil : remarks.map(oneLine).joined(separator: "\n")
    )
  }

  private func passagesSection() -> String {
    let all = documents.flatMap { document in
      SentenceSplitter.sentences(of: document).map { (document.path, $0) }
    }
    // A handful of passages answers a question or shows that it cannot be answered so.
    let maximum = 5
    let chosen = ExtractiveSummary(all.map(\.1), focus: order.focus).choose(
      order.sentenceLimit ?? maximum, mustMatch: true)
    guard !chosen.isEmpty else {
      let words = order.focus.sorted().joined(separator: ", ")
      return order.language(
        "No sentence in the files read speaks of: \(words).", "所读文件中没有句子提到：\(words)。")
    }
    let lines = chosen.map { "- \(all[$0].1.text)\n  (`\(all[$0].0)`)" }
    return ([heading("Passages on the question", "相关段落"), ""] + lines).joined(separator: "\n")
  }

  // MARK: texts, comparison, report

  private func readSection() -> String {
    documents.map { document in
      let count = TextCount(document.text)
      let title = order.language("`\(document.path)` (\(count.lines) lines):", "`\(document.path)`（\(count.lines) 行）：")
      if document.isBinary { return title + "\n\n" + summaryLines(document, [])[0] }
      return title + "\n\n````\n" + document.text + (document.text.hasSuffix("\n") ? "" : "\n") + "````"
    }.joined(separator: "\n\n")
  }

  private func comparisonSection() -> String {
    guard documents.count > 1 else {
      return [order.language("A comparison needs two files; only one was read.", "比较需要两个文件，只读到一个。"), countSection()]
        .joined(separator: "\n\n")
    }
    var parts = [heading("Comparison", "比较"), countSection()]
    for (left, right) in zip(documents, documents.dropFirst()) {
      parts.append(FileComparison(left, right).text(order.language, oneLine))
    }
    return parts.joined(separator: "\n\n")
  }

  private func reportSection() -> String {
    let names = documents.map { "`\($0.path)`" }.joined(separator: order.language(", ", "、"))
    var parts = [
      heading("Report", "报告", level: 1), order.language("Sources: \(names)", "资料来源：\(names)"), countSection(),
    ]
    let all = documents.map { SentenceSplitter.sentences(of: $0) }
    for (index, sentences) in chosenSentences(all).enumerated() {
      let document = documents[index]
      parts.append("## `\(document.path)`")
      if !TextOutline.headings(of: document).isEmpty {
        parts.append(heading("Outline", "大纲", level: 3) + "\n\n" + outlineLines(document).joined(separator: "\n"))
      }
      parts.append(
        heading("Summary", "摘要", level: 3) + "\n\n" + summaryLines(document, sentences).joined(separator: "\n"))
    }
    return parts.joined(separator: "\n\n")
  }
}

extension TextCount {
  mutating func add(_ other: TextCount) {
    lines += other.lines
    words += other.words
    characters += other.characters
    hanCharacters += other.hanCharacters
    bytes += other.bytes
  }
}
