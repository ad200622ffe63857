import AgentCore

/// Reads an order out of a prompt by its verbs, names and quotations; no grammar, so a prompt that it half understands
/// is half done, and the answer says which half.
struct OrderReader {
  /// A prompt whose rest is at least this long after its first line may bring the text to work on with it.
  private static let pastedMinimum = 200
  /// Where that first line ends at the latest.
  private static let headMaximum = 300
  /// What of a pasted text is looked at: as much as of a file.
  private static let pastedMaximum = 256 * 1024
  /// The file that a report goes to when its writer is told no name.
  static let reportFile = "report.md"

  let tokenizer: PromptTokenizer
  let agent: AgentID
  /// Tokens that already have their part in the order.
  var taken: Set<Int> = []
  var order = SandboxOrder()

  var tokens: [PromptToken] { tokenizer.tokens }

  static func read(_ prompt: String, agent: AgentID) -> SandboxOrder {
    guard let members = InputMembers(endOf: prompt) else { return readText(prompt, agent: agent) }
    var order = readText(members.prompt, agent: agent)
    if order.sources.isEmpty, order.pasted == nil {
      order.sources = members.paths.filter { $0 != order.target }
    }
    return order
  }

  private static func readText(_ prompt: String, agent: AgentID) -> SandboxOrder {
    if let (head, rest) = split(prompt) {
      var reader = OrderReader(tokenizer: PromptTokenizer(head), agent: agent)
      reader.readAll()
      var order = reader.order
      let isForText = order.actions.isSubset(of: [.summarise, .outline, .count]) && !order.actions.isEmpty
      if isForText, order.sources.isEmpty, order.target == nil {
        order.pasted = rest
        return order
      }
    }
    var reader = OrderReader(tokenizer: PromptTokenizer(prompt), agent: agent)
    reader.readAll()
    return reader.order
  }

  private static func split(_ prompt: String) -> (head: String, rest: String)? {
    let start = prompt.prefix(headMaximum)
    guard let end = start.firstIndex(where: { $0 == "\n" || $0 == "：" || $0 == ":" || $0 == "\r\n" }) else {
      return nil
    }
    let rest = prompt[prompt.index(after: end)...].prefix(pastedMaximum)
    guard rest.utf8.count >= pastedMinimum else { return nil }
    return (String(prompt[..<end]), String(rest))
  }

  private mutating func readAll() {
    // Names and quotations may be in any language; the words around them decide.
    let hasHan = tokens.contains { $0.han != nil }
    order.language = hasHan ? .chinese : .english
    readReplacement()
    readTarget()
    readContent()
    readTitle()
    order.actions = namedActions()
    readNeedles()
    readSources()
    readSentenceLimit()
    readFocus()
    readBeyond()
    settle()
  }

  // MARK: words

  func hasWord(_ words: Set<String>) -> Bool {
    tokens.contains { $0.word.map(words.contains) ?? false }
  }

  func hasHan(_ words: [String]) -> Bool {
    tokens.contains { token in token.han.map { run in words.contains { run.contains($0) } } ?? false }
  }

  /// These words stand directly one after the other.
  func hasPhrase(_ phrase: [String]) -> Bool {
    guard tokens.count >= phrase.count else { return false }
    return (0...tokens.count - phrase.count).contains { start in
      phrase.indices.allSatisfy { tokens[start + $0].word == phrase[$0] }
    }
  }

  private func namedActions() -> Set<SandboxAction> {
    var actions: Set<SandboxAction> = []
    for token in tokens {
      if let action = token.word.flatMap({ ActionWords.english[$0] }) { actions.insert(action) }
      guard let run = token.han else { continue }
      for (action, words) in ActionWords.chinese where words.contains(where: { run.contains($0) }) {
        actions.insert(action)
      }
    }
    if hasPhrase(["how", "many"]) || hasPhrase(["number", "of"]) || hasPhrase(["how", "long"]) {
      actions.insert(.count)
    }
    if hasPhrase(["key", "points"]) || hasPhrase(["main", "points"]) { actions.insert(.summarise) }
    if hasPhrase(["table", "of", "contents"]) { actions.formUnion([.outline]); actions.remove(.table) }
    if hasPhrase(["what", "files"]) || hasPhrase(["which", "files"]) { actions.insert(.list) }
    if hasPhrase(["look", "for"])
      || hasWord(["containing", "contain", "contains", "mention", "mentions", "mentioning"])
    {
      actions.insert(.search)
    }
    if asksForReport { actions.insert(.report) }
    if actions.isSubset(of: [.read]), hasWord(["about"]) { actions.insert(.summarise) }
    return actions
  }

  private var asksForReport: Bool {
    if hasHan(["报告"]) {
      return isReporter || hasHan(["写", "生成", "编", "做", "出", "制作", "整理", "给", "提交", "形成", "产"])
    }
    guard let index = tokens.firstIndex(where: { ["report", "reports"].contains($0.word) }) else { return false }
    return isReporter || index == 0 || tokens[..<index].contains { $0.word.map(ActionWords.making.contains) ?? false }
  }

  private var isReporter: Bool { agent == "writer" || agent == "researcher" }

  // MARK: what follows from all of it

  private mutating func settle() {
    let namesFiles = hasWord(["files", "folder", "folders", "directory", "contents"]) || hasHan(["文件", "目录"])
    var actions = order.actions
    if order.needles.isEmpty { actions.remove(.search) } else { actions.insert(.search) }
    if actions.contains(.search) { actions.subtract([.list, .answer]) }
    if actions.contains(.outline), !namesFiles { actions.remove(.list) }
    if order.replacement == nil { actions.remove(.replace) } else { actions.insert(.replace) }
    settleTitle(&actions)
    settleContent(&actions)
    if actions.contains(.report) { actions.subtract([.summarise, .outline, .count, .table, .answer]) }
    if actions.contains(.read), actions.count > 1 { actions.remove(.read) }
    if actions.contains(.table), actions.contains(.search) { actions.remove(.table) }
    settleQuestion(&actions)
    settleTarget(&actions)
    order.actions = actions
  }

  private func settleTitle(_ actions: inout Set<SandboxAction>) {
    let asks =
      (hasWord(["title", "heading", "headline"])
        && hasWord(["fix", "correct", "repair", "improve", "change", "set", "update", "rename", "edit"]))
      || (hasHan(["标题"]) && hasHan(["修", "改", "订正", "更正", "纠正", "设为"]))
    guard asks, order.replacement == nil else { return }
    actions.insert(.fixTitle)
    actions.subtract([.outline, .replace, .read])
  }

  private func settleContent(_ actions: inout Set<SandboxAction>) {
    guard order.content != nil, order.target != nil else {
      actions.subtract([.create, .append])
      return
    }
    if order.isAppending { actions.insert(.append) } else { actions.remove(.append) }
    if order.isAppending { actions.remove(.create) } else { actions.insert(.create) }
    // The text is given: the verbs that stand beside it are part of the sentence, not further work.
    actions.subtract([.read, .list, .answer])
  }

  private mutating func settleQuestion(_ actions: inout Set<SandboxAction>) {
    let asks =
      tokens.contains { $0.kind == .mark("?") || $0.kind == .mark("？") } || hasHan(ActionWords.interrogativesHan)
      || (tokens.first?.word.map(ActionWords.interrogatives.contains) ?? false)
      || (hasWord(["how", "why", "whether"]) && actions == [.read])
    guard asks, actions.isSubset(of: [.read]) else { return }
    if !order.focus.isEmpty {
      actions = [.answer]
    } else if !order.sources.isEmpty {
      actions = [.summarise]
    }
  }

  private mutating func settleTarget(_ actions: inout Set<SandboxAction>) {
    if order.target == nil, isReporter, actions.contains(.report) { order.target = Self.reportFile }
    guard order.target != nil, order.content == nil else { return }
    // Storing the untouched original as if it were the translation that was asked for would be a lie.
    if !order.beyond.isEmpty, actions.isSubset(of: [.read, .list]) {
      order.target = nil
    } else if !actions.contains(where: \.isProducing), actions.isEmpty, !order.sources.isEmpty {
      actions = [.summarise]
    }
  }
}
