import AgentCore

/// What an order is about: what to search for, the files to work on, its words, and what of it is out of reach.
extension OrderReader {
  private static let needleFillers: Set<String> = [
    "for", "the", "all", "every", "any", "each", "a", "an", "lines", "line", "with", "word", "words", "term", "text",
    "of",
    "that", "contain", "contains", "containing", "mention", "mentions", "mentioning", "occurrences", "occurrence",
    "string", "phrase", "where", "files", "file", "which", "me", "places", "is", "are", "look", "find", "search",
  ]
  private static let needleEnds: Set<String> = [
    "in", "inside", "within", "and", "under", "from", "then", "across", "as", "to",
  ]

  /// Chinese words that say what to do and not what it is about, the longest first.
  private static let hanFillers: [String] = {
    let verbs = ActionWords.chinese.flatMap(\.1) + ActionWords.storingHan + ActionWords.interrogativesHan
    return (verbs + ["文件夹", "文件", "目录", "报告", "内容"]).sorted { $0.count > $1.count }
  }()

  mutating func readNeedles() {
    guard !order.actions.isDisjoint(with: [.search, .count, .table]), order.replacement == nil, order.content == nil
    else { return }
    // Four searches are as much as one prompt sensibly names.
    let maximum = 4
    let verb = tokens.firstIndex { token in
      token.word.map {
        ActionWords.english[$0] == .search
          || ["look", "containing", "contain", "contains", "mention", "mentions", "mentioning"].contains($0)
      } ?? false
        || token.han.map { run in ["搜", "查找", "寻找", "找出", "查询", "检索", "包含"].contains { run.contains($0) } } ?? false
    }
    let quoted = tokens.indices.filter { index in
      guard tokens[index].quoted != nil, !taken.contains(index) else { return false }
      // A quoted file name is searched for only when it directly follows the verb.
      return tokens[index].path == nil || verb.map { (1...2).contains(index - $0) } ?? false
    }
    if !quoted.isEmpty {
      order.needles = quoted.prefix(maximum).compactMap { tokens[$0].quoted }.filter { !$0.isEmpty }
      taken.formUnion(quoted.prefix(maximum))
    } else if let verb, order.actions.contains(.search) {
      readUnquotedNeedle(after: verb)
    }
  }

  private mutating func readUnquotedNeedle(after verb: Int) {
    if let run = tokens[verb].han,
      let found = ["搜索一下", "搜索", "查找", "寻找", "找出", "查询", "检索", "包含"].compactMap({ run.ranges(of: $0).last }).first
    {
      var rest = run[found.upperBound...]
      for filler in ["所有", "全部", "包含", "含有", "出现", "带有", "关键词", "一下", "文本", "词"] where rest.hasPrefix(filler) {
        rest = rest.dropFirst(filler.count)
      }
      for ending in ["的行", "的文件", "的地方", "的内容", "这个词"] where rest.hasSuffix(ending) {
        rest = rest.dropLast(ending.count)
      }
      if !rest.isEmpty {
        order.needles = [String(rest)]
        return
      }
    }
    var start = verb + 1
    while start < tokens.count,
      tokens[start].word.map(Self.needleFillers.contains) ?? (tokens[start].kind == .mark(":"))
    {
      start += 1
    }
    let end =
      tokens[min(start, tokens.count)...].firstIndex { token in
        token.word.map(Self.needleEnds.contains) ?? (token.han != nil || token.path != nil || isMark(token))
      } ?? tokens.count
    guard start < end, let text = text(of: start..<end) else { return }
    order.needles = [text]
    taken.formUnion(start..<end)
  }

  private func isMark(_ token: PromptToken) -> Bool {
    if case .mark = token.kind { true } else { false }
  }

  mutating func readSources() {
    // As many as are ever read.
    let maximum = SandboxLimits.filesRead
    let kinds: Set<String> = ["folder", "directory", "dir", "subfolder"]
    let general: Set<String> = [
      "the", "this", "a", "an", "current", "working", "each", "every", "that", "my", "root", "whole", "project",
      "workspace",
      "same", "any", "in", "of", "list", "top",
    ]
    for index in tokens.indices where !taken.contains(index) && order.sources.count < maximum {
      var name = tokens[index].path.map { $0.hasSuffix("/") ? PathName.normalised($0) + "/" : PathName.normalised($0) }
      if name == nil, let word = tokens[index].word, index + 1 < tokens.count, !general.contains(word),
        ActionWords.english[word] == nil
      {
        let next = tokens[index + 1]
        let isFolder =
          next.word.map(kinds.contains) ?? next.han.map { $0.hasPrefix("目录") || $0.hasPrefix("文件夹") } ?? false
        if isFolder { name = tokenizer.text(tokens[index].range) + "/" }
      }
      if name == nil, let word = tokens[index].quoted, index + 1 < tokens.count,
        tokens[index + 1].word.map(kinds.contains) ?? tokens[index + 1].han.map({
          $0.hasPrefix("目录") || $0.hasPrefix("文件夹")
        }) ?? false
      {
        name = PathName.normalised(word) + "/"
      }
      if let name, !order.sources.contains(name) { order.sources.append(name) }
    }
    order.isRecursive = hasWord(["recursively", "recursive", "subfolders", "tree"]) || hasHan(["递归", "子目录", "子文件夹"])
  }

  mutating func readSentenceLimit() {
    let numbers = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    let hanNumbers: [Character] = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"]
    // A summary longer than this is none.
    let maximum = 20
    for index in tokens.indices {
      if let word = tokens[index].word, let number = numbers.firstIndex(of: word).map({ $0 + 1 }) ?? Int(word) {
        let next = tokens[(index + 1)...].prefix(2)
        let isCount = next.contains { token in
          token.word.map { ["sentence", "sentences", "points", "bullets", "bullet", "point"].contains($0) } ?? false
            || token.han.map { $0.hasPrefix("句") || $0.hasPrefix("点") || $0.hasPrefix("条") } ?? false
        }
        if isCount { order.sentenceLimit = min(max(number, 1), maximum) }
      }
      guard let run = tokens[index].han.map(Array.init) else { continue }
      for (left, right) in zip(run, run.dropFirst()) where ["句", "点", "条"].contains(right) {
        if let number = left == "两" ? 1 : hanNumbers.firstIndex(of: left) { order.sentenceLimit = number + 1 }
      }
    }
  }

  mutating func readFocus() {
    // What a prompt is about, it says soon.
    let maximumTokens = 400
    for (index, token) in tokens.prefix(maximumTokens).enumerated() where !taken.contains(index) {
      if let word = token.word, ActionWords.english[word] == nil, !ActionWords.making.contains(word),
        !ActionWords.storing.contains(word), !["report", "reports", "title"].contains(word)
      {
        if let term = TextTerms.term(of: word) {
          order.focus.insert(term)
          order.names.insert(word)
        } else if ["doc", "docs", "documents", "document"].contains(word) {
          // Too common to say anything about a text, but folders are called so.
          order.names.insert(word)
        }
      }
      if let run = token.han {
        var rest = run
        for verb in Self.hanFillers {
          rest = rest.replacing(verb, with: " ")
        }
        order.focus.formUnion(TextTerms.terms(of: rest))
      }
    }
    for needle in order.needles { order.focus.formUnion(TextTerms.terms(of: needle)) }
  }

  /// A verb counts only where an order would have it: at the beginning, or after a mark, "and" or "then".
  mutating func readBeyond() {
    for (index, token) in tokens.enumerated() where !taken.contains(index) {
      if let word = token.word, ActionWords.beyondEnglish.contains(word) {
        let before = index == 0 ? nil : tokens[index - 1]
        let isVerb =
          before.map { isMark($0) || ["and", "then", "please", "also", "to", "a"].contains($0.word) } ?? true
        if isVerb, !order.beyond.contains(word) { order.beyond.append(word) }
      }
      if var run = token.han.map({ $0[...] }) {
        while let polite = ["请", "并", "然后", "再", "帮我", "把", "将", "先", "后"].first(where: { run.hasPrefix($0) }) {
          run = run.dropFirst(polite.count)
        }
        if let verb = ActionWords.beyondChinese.first(where: { run.hasPrefix($0) }), !order.beyond.contains(verb) {
          order.beyond.append(verb)
        }
      }
    }
  }
}
