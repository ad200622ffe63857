/// Cuts a document into sentences that stand in it as they are: each is a slice of the text.
struct SentenceSplitter {
  struct Sentence: Sendable, Hashable {
    var text: Substring
    var opensParagraph: Bool
  }

  /// More sentences than a file of the largest size that a tool shows sensibly has.
  private static let maximumSentences = 4000
  /// Beyond this a "sentence" is a table or a dump, not something to quote.
  private static let maximumCharacters = 600
  /// How far front matter may reach.
  private static let frontMatterLines = 60
  private static let abbreviations: Set<String> = [
    "e.g", "i.e", "etc", "mr", "mrs", "ms", "dr", "no", "vs", "cf", "fig", "sec", "approx", "resp",
  ]

  private let document: SandboxDocument
  private var sentences: [Sentence] = []
  /// The paragraph in hand.
  private var start: String.Index?
  private var end: String.Index

  static func sentences(of document: SandboxDocument) -> [Sentence] {
    guard !document.isBinary else { return [] }
    var splitter = SentenceSplitter(document)
    if document.kind == .source { splitter.takeComments() } else { splitter.takeProse() }
    if splitter.sentences.isEmpty { splitter.takeLines() }
    return splitter.sentences
  }

  private init(_ document: SandboxDocument) {
    self.document = document
    end = document.text.startIndex
  }

  // MARK: prose

  private mutating func takeProse() {
    var lines = TextLines.split(document.text)[...]
    if lines.first?.trimmed == "---",
      let close = lines.dropFirst().prefix(Self.frontMatterLines).firstIndex(where: { $0.trimmed == "---" })
    {
      lines = lines[(close + 1)...]
    }
    var fence: Substring?
    for line in lines {
      let content = line.trimmed
      if let open = fence {
        if content.hasPrefix(open) { fence = nil }
      } else if content.hasPrefix("```") || content.hasPrefix("~~~") {
        endParagraph()
        fence = content.prefix(3)
      } else {
        take(line, content)
      }
      // A cancelled caller waits for no large file.
      if sentences.count >= Self.maximumSentences || Task.isCancelled { return }
    }
    endParagraph()
  }

  private mutating func take(_ line: Substring, _ content: Substring) {
    if content.isEmpty || content.hasPrefix("#") || content.hasPrefix("|") || content.hasPrefix("<!--")
      || content.hasPrefix("[") && content.contains("]: ")
    {
      return endParagraph()
    }
    if content.count >= 3, content.allSatisfy({ $0 == "=" }) || content.allSatisfy({ "-*_".contains($0) }) {
      // Underlined: what stands above it is a heading.
      if content.first == "=" || content.first == "-" { start = nil }
      return endParagraph()
    }
    if let item = Self.withoutMarker(content) {
      endParagraph()
      (start, end) = (item.startIndex, item.endIndex)
      return
    }
    if start == nil { start = content.startIndex }
    end = content.endIndex
  }

  /// What a list item or quotation says; nil for a line that is neither.
  private static func withoutMarker(_ content: Substring) -> Substring? {
    for marker in ["- ", "* ", "+ ", "> ", "• "] where content.hasPrefix(marker) { return content.dropFirst(2).trimmed }
    let digits = content.prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty, digits.count <= 3 else { return nil }
    let rest = content.dropFirst(digits.count)
    guard rest.hasPrefix(". ") || rest.hasPrefix(") ") || rest.hasPrefix("、") else { return nil }
    return rest.dropFirst().trimmed
  }

  private mutating func endParagraph() {
    guard let from = start else { return }
    start = nil
    var isFirst = true
    for sentence in Self.split(document.text[from..<end]) where sentences.count < Self.maximumSentences {
      append(sentence, opensParagraph: isFirst)
      isFirst = false
    }
  }

  private mutating func append(_ text: Substring, opensParagraph: Bool) {
    let sentence = text.trimmed
    let minimum = sentence.contains(where: \.isHan) ? 5 : 12
    guard (minimum...Self.maximumCharacters).contains(sentence.count) else { return }
    sentences.append(Sentence(text: sentence, opensParagraph: opensParagraph))
  }

  private static func split(_ paragraph: Substring) -> [Substring] {
    let scalars = paragraph.unicodeScalars
    var parts: [Substring] = []
    var from = scalars.startIndex
    var position = scalars.startIndex
    while position < scalars.endIndex {
      let scalar = scalars[position]
      var next = scalars.index(after: position)
      let isHanEnd = ["。", "！", "？", "；"].contains(scalar)
      if isHanEnd || [".", "!", "?"].contains(scalar) {
        while next < scalars.endIndex, ["”", "」", "』", "）", "\"", ")", "’", "！", "？"].contains(scalars[next]) {
          next = scalars.index(after: next)
        }
        let isApart = next == scalars.endIndex || scalars[next].properties.isWhitespace
        if isHanEnd || isApart && !(scalar == "." && endsInAbbreviation(paragraph[from..<position])) {
          parts.append(paragraph[from..<next])
          from = next
        }
      }
      position = next
    }
    if from < scalars.endIndex { parts.append(paragraph[from...]) }
    return parts
  }

  private static func endsInAbbreviation(_ text: Substring) -> Bool {
    let word = text.suffix(12).split { $0.isWhitespace || $0 == "(" }.last ?? ""
    return word.count == 1 && word.allSatisfy(\.isLetter) || abbreviations.contains(word.lowercased())
  }

  // MARK: source code and what is neither

  private mutating func takeComments() {
    for line in TextLines.split(document.text) where sentences.count < Self.maximumSentences {
      var content = line.trimmed
      guard
        let marker = ["///", "//!", "//", "/**", "/*", "* ", "# ", "-- ", "\"\"\""].first(where: {
          content.hasPrefix($0)
        })
      else { continue }
      content = content.dropFirst(marker.count).trimmed
      append(content, opensParagraph: false)
    }
  }

  private mutating func takeLines() {
    // The first lines tell most about a file without sentences.
    let enough = 40
    for line in TextLines.split(document.text).filter({ !$0.trimmed.isEmpty }).prefix(enough) {
      let content = line.trimmed
      guard content.count <= Self.maximumCharacters, !content.hasPrefix("```") else { continue }
      sentences.append(Sentence(text: content, opensParagraph: false))
    }
  }
}
