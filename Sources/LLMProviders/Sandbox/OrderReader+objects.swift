import AgentCore

/// What is to be written: replacements, given texts, the file that takes the result, a title.
extension OrderReader {
  /// Longer ones stand in quotation marks.
  private static let unquotedMaximum = 200
  private static let fillers: Set<String> = [
    "a", "an", "the", "file", "new", "named", "called", "it", "this", "that", "result", "results", "text", "output",
    "markdown", "my", "to", "into", "in", "as", "for",
  ]

  mutating func readReplacement() {
    let hanVerbs = ["替换为", "替换成", "改为", "改成", "换成", "换为", "修改为", "变为", "替换"]
    let quoted = tokens.indices.filter { tokens[$0].quoted != nil }
    for (first, second) in zip(quoted, quoted.dropFirst()) {
      let between = tokens[first + 1..<second]
      let isJoined =
        between.contains { token in
          token.word.map { ["with", "by", "to", "into", "for"].contains($0) } ?? false
            || token.han.map { run in hanVerbs.contains { run.contains($0) } } ?? false
        }
      let isAsked =
        tokens[..<first].contains { token in
          token.word.map { ["replace", "substitute", "change", "rename", "edit", "swap"].contains($0) } ?? false
        } || between.contains { $0.han != nil }
      guard isJoined, isAsked, let old = tokens[first].quoted, let new = tokens[second].quoted else { continue }
      order.replacement = SandboxOrder.Replacement(old: old, new: new)
      taken.formUnion([first, second])
      return
    }
    readUnquotedReplacement(hanVerbs)
  }

  private mutating func readUnquotedReplacement(_ hanVerbs: [String]) {
    var old = 0..<0
    var new = 0..<0
    if let verb = tokens.firstIndex(where: { ["replace", "substitute"].contains($0.word) }),
      let link = tokens[verb...].firstIndex(where: { ["with", "by"].contains($0.word) })
    {
      let begin =
        tokens[verb + 1..<link].firstIndex { !["the", "word", "all", "every", "text"].contains($0.word) } ?? link
      let end =
        tokens[(link + 1)...].firstIndex { token in
          ["in", "inside", "throughout", "everywhere"].contains(token.word) || token.path != nil
            || token.kind == .mark(",")
        } ?? tokens.count
      (old, new) = (begin..<link, link + 1..<end)
    } else if let start = tokens.firstIndex(where: { $0.han.map { $0.hasSuffix("把") || $0.hasSuffix("将") } ?? false }),
      let verb = tokens[(start + 1)...].firstIndex(where: { token in
        token.han.map { run in hanVerbs.contains { run.hasPrefix($0) } } ?? false
      }), hanVerbs.contains(tokens[verb].han ?? "")
    {
      (old, new) = (start + 1..<verb, verb + 1..<min(verb + 2, tokens.count))
    }
    guard let oldText = text(of: old), let newText = text(of: new) else { return }
    order.replacement = SandboxOrder.Replacement(old: oldText, new: newText)
    taken.formUnion(old)
    taken.formUnion(new)
  }

  /// What was written from the first to the last of these tokens; nil when that is nothing or too much.
  func text(of range: Range<Int>) -> String? {
    guard let first = range.first, let last = range.last, range.upperBound <= tokens.count else { return nil }
    if range.count == 1, let quoted = tokens[first].quoted { return quoted }
    let text = tokenizer.text(tokens[first].range.lowerBound..<tokens[last].range.upperBound)
    return text.isEmpty || text.count > Self.unquotedMaximum ? nil : text
  }

  mutating func readContent() {
    guard order.target != nil else { return }
    let introducing: Set<String> = ["with", "containing", "saying", "content", "contents", "text", "reading", "line"]
    for index in tokens.indices where tokens[index].quoted != nil && tokens[index].path == nil && !taken.contains(index)
    {
      let before = tokens[..<index].suffix(4).reversed().first { token in
        if case .mark(let mark) = token.kind { return !":：=,，".contains(mark) }
        return !(["the", "following", "a", "one"].contains(token.word))
      }
      let isIntroduced =
        before?.word.map { introducing.contains($0) || ActionWords.storing.contains($0) } ?? false
        || before?.han.map { run in
          ["内容为", "内容是", "内容", "写入", "写上", "写", "追加", "加入", "把", "将", "为"].contains { run.hasSuffix($0) }
        } ?? false
      guard isIntroduced else { continue }
      order.content = tokens[index].quoted
      taken.insert(index)
      return
    }
    readUnquotedContent()
  }

  private mutating func readUnquotedContent() {
    for index in tokens.indices.dropLast() {
      let isEnglish =
        ["text", "content", "contents"].contains(tokens[index].word) && index > 0
        && ["with", "the"].contains(tokens[index - 1].word)
      let isChinese = tokens[index].han.map { $0.hasSuffix("内容为") || $0.hasSuffix("内容是") } ?? false
      guard isEnglish || isChinese else { continue }
      var start = index + 1
      while start < tokens.count, [.mark(":"), .mark("："), .mark("=")].contains(tokens[start].kind) { start += 1 }
      guard start < tokens.count, tokens[start].word != "of" else { continue }
      let text = tokenizer.text(tokens[start].range.lowerBound..<tokenizer.characters.count)
      guard !text.isEmpty else { continue }
      order.content = text
      taken.formUnion(start..<tokens.count)
      return
    }
  }

  mutating func readTarget() {
    for index in tokens.indices where !taken.contains(index) {
      guard let path = tokens[index].path, isTarget(at: index) else { continue }
      order.target = PathName.normalised(path)
      taken.insert(index)
      // "add a file x" makes one, "add … to x" keeps what is there.
      let isAdding = hasWord(["add"]) && tokens[..<index].suffix(3).contains { ["to", "into"].contains($0.word) }
      order.isAppending = isAdding || hasWord(["append"]) || hasHan(["追加", "添加到", "加到", "加入", "附加"])
      return
    }
  }

  private func isTarget(at index: Int) -> Bool {
    if index + 1 < tokens.count, let next = tokens[index + 1].han,
      ["中写入", "里写入", "写入", "中追加", "里追加", "末尾追加"].contains(where: { next.hasPrefix($0) })
    {
      return true
    }
    guard index > 0 else { return false }
    if let run = tokens[index - 1].han {
      // Also with words between, as in 写一份总结到.
      let isSplit =
        ["到", "至", "进", "入"].contains { run.hasSuffix($0) }
        && ["写", "存", "输出", "导出", "记", "放", "复制", "生成", "追加"].contains { run.contains($0) }
      return isSplit || ActionWords.storingHan.contains { run.hasSuffix($0) }
    }
    // Back over "a new file called" to the word that says what the name is for.
    var position = index - 1
    var prepositions: Set<String> = []
    while position > 0, let word = tokens[position].word, Self.fillers.contains(word) {
      if ["to", "into", "in", "as"].contains(word) { prepositions.insert(word) }
      position -= 1
    }
    let verb = tokens[position].word
    if let verb, ["write", "create", "make", "add", "generate", "produce", "draft", "save"].contains(verb) {
      return prepositions.isDisjoint(with: ["in"]) || verb == "save"
    }
    if prepositions.contains("into") { return true }
    guard !prepositions.isEmpty else { return false }
    let storing = tokens[..<index].lastIndex { $0.word.map(ActionWords.storing.contains) ?? false }
    guard let storing else { return false }
    // "in a.md" says where a file is written only after another file, or after a verb that cannot mean anything else:
    // what a report is about may well stand in a file that must not be lost.
    let isPlace =
      prepositions != ["in"] || tokens[storing..<index].contains { $0.path != nil }
      || ["save", "store", "put", "record"].contains(tokens[storing].word)
    let replaces = tokens[storing..<index].contains { $0.word == "replace" || $0.word == "compare" }
    return isPlace && !replaces && order.replacement == nil
  }

  mutating func readTitle() {
    guard hasWord(["title", "heading", "headline"]) || hasHan(["标题"]) else { return }
    for index in tokens.indices.dropFirst() where tokens[index].quoted != nil && !taken.contains(index) {
      let before = tokens[index - 1]
      let isTold =
        ["to", "as"].contains(before.word)
        || before.han.map { run in ["为", "成", "是"].contains { run.hasSuffix($0) } } ?? false
      guard isTold else { continue }
      order.newTitle = tokens[index].quoted
      taken.insert(index)
      return
    }
  }
}
