/// Cuts a prompt into words, Chinese runs, quotations, file names and marks.
struct PromptTokenizer {
  /// Of a longer prompt only the beginning is read as an order: nobody hides a verb behind a whole book.
  static let maximumCharacters = 32 * 1024
  /// More than any order needs.
  private static let maximumTokens = 4000
  /// A quotation between apostrophes; they are too often something else to look far for the second one.
  private static let maximumApostropheLength = 256
  private static let closings: [Character: Character] = [
    "\"": "\"", "“": "”", "‘": "’", "「": "」", "『": "』", "《": "》", "«": "»", "`": "`", "'": "'",
  ]
  /// Words that stand directly before a Chinese file name without being part of it.
  private static let hanBeforeNames = [
    "保存到", "写入", "写到", "存到", "读取", "总结", "概括", "摘要", "统计", "列出", "比较", "对比", "打开", "查看", "创建", "新建",
    "阅读", "文件", "读", "把", "将", "对", "在", "给", "请", "和", "与", "从", "为", "到", "的",
  ]

  let characters: [Character]
  private(set) var tokens: [PromptToken] = []
  /// Closing marks that do not come any more, so that a row of opening ones is not searched through for each of them.
  private var missingClosings: Set<Character> = []

  init(_ prompt: String) {
    characters = prompt.prefix(Self.maximumCharacters).map { character in
      // Control characters are blanks here: they can be part of no word and of no sane file name.
      character != "\n" && character.unicodeScalars.allSatisfy { $0.properties.generalCategory == .control }
        ? " " : character
    }
    var position = 0
    while position < characters.count, tokens.count < Self.maximumTokens { position = take(at: position) }
  }

  /// The text as it was written in that range, without blanks around it.
  func text(_ range: Range<Int>) -> String {
    guard range.lowerBound >= 0, range.upperBound <= characters.count else { return "" }
    var slice = characters[range]
    while slice.first?.isWhitespace == true { slice.removeFirst() }
    while slice.last?.isWhitespace == true { slice.removeLast() }
    return String(slice)
  }

  private mutating func take(at start: Int) -> Int {
    let character = characters[start]
    if character.isWhitespace { return start + 1 }
    if let end = quotationEnd(from: start) {
      append(.quoted(String(characters[start + 1..<end])), start..<end + 1)
      return end + 1
    }
    if character.isHan {
      let end = runEnd(from: start) { $0.isHan }
      append(.han(String(characters[start..<end])), start..<end)
      return end
    }
    if Self.isPathPart(character) {
      let end = runEnd(from: start, while: Self.isPathPart)
      takeRun(start..<end)
      return end
    }
    append(.mark(character), start..<start + 1)
    return start + 1
  }

  private mutating func append(_ kind: PromptToken.Kind, _ range: Range<Int>) {
    tokens.append(PromptToken(kind: kind, range: range))
  }

  private func runEnd(from start: Int, while belongs: (Character) -> Bool) -> Int {
    characters[start...].firstIndex { !belongs($0) } ?? characters.count
  }

  private static func isPathPart(_ character: Character) -> Bool {
    character.isWordPart || "._-/+@~#%".contains(character)
  }

  /// Where the quotation that begins here ends; nil when none begins.
  private mutating func quotationEnd(from start: Int) -> Int? {
    guard let closing = Self.closings[characters[start]], !missingClosings.contains(closing) else { return nil }
    // An apostrophe inside a word opens nothing, and a quotation in apostrophes ends on its own line.
    let isApostrophe = characters[start] == "'"
    if isApostrophe, start > 0, characters[start - 1].isWordPart { return nil }
    var position = start + 1
    while position < characters.count {
      if isApostrophe, characters[position] == "\n" || position - start > Self.maximumApostropheLength { return nil }
      if characters[position] == closing, position > start + 1 || !"`'".contains(closing) {
        let next = position + 1
        if !isApostrophe || next == characters.count || !characters[next].isWordPart { return position }
      }
      position += 1
    }
    if !isApostrophe { missingClosings.insert(closing) }
    return nil
  }

  private mutating func takeRun(_ range: Range<Int>) {
    var range = range
    while let last = characters[range].last, ".-+@#%".contains(last) { range.removeLast() }
    guard !range.isEmpty else { return }
    let text = String(characters[range])
    if let name = hanName(endingWith: text, at: range.lowerBound) {
      append(.path(name.path), name.start..<range.upperBound)
    } else if PathName.isLikely(text) {
      append(.path(text), range)
    } else {
      var start = range.lowerBound
      while start < range.upperBound {
        let end = characters[start..<range.upperBound].firstIndex { !$0.isWordPart } ?? range.upperBound
        if end > start { append(.word(String(characters[start..<end]).lowercased()), start..<end) }
        start = end + 1
      }
    }
  }

  /// A name such as `docs/笔记.md`, whose Chinese part was taken for words before its ending came.
  private mutating func hanName(endingWith ending: String, at start: Int) -> (path: String, start: Int)? {
    guard ending.hasPrefix("."), PathName.hasExtension(ending), !ending.contains("/"), let previous = tokens.last,
      previous.range.upperBound == start, var name = previous.han.map({ $0[...] })
    else { return nil }
    var from = previous.range.lowerBound
    tokens.removeLast()
    if let folder = tokens.last, folder.range.upperBound == from, case .path(let path) = folder.kind,
      path.hasSuffix("/")
    {
      tokens.removeLast()
      return (path + name + ending, folder.range.lowerBound)
    }
    var words = ""
    while let word = Self.hanBeforeNames.first(where: { name.hasPrefix($0) && name.count > $0.count }) {
      words += word
      name = name.dropFirst(word.count)
    }
    if !words.isEmpty {
      append(.han(words), from..<from + words.count)
      from += words.count
    }
    return (name + ending, from)
  }
}
