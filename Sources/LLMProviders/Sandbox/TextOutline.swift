/// The headings of a document: Markdown's, or the declarations of a source file.
struct TextOutline {
  struct Heading: Sendable, Hashable {
    /// From 1.
    var level: Int
    var title: String
    /// From 1.
    var line: Int
  }

  private static let keywords: Set<String> = [
    "func", "struct", "class", "enum", "protocol", "actor", "extension", "def", "function", "fn", "impl", "trait",
    "interface", "module", "namespace",
  ]

  static func headings(of document: SandboxDocument) -> [Heading] {
    guard !document.isBinary else { return [] }
    let lines = TextLines.split(document.text)
    return document.kind == .source ? declarations(lines) : markdown(lines)
  }

  private static func markdown(_ lines: [Substring]) -> [Heading] {
    var headings: [Heading] = []
    var fence: Substring?
    for (index, line) in lines.enumerated() {
      let content = line.trimmed
      if let open = fence {
        if content.hasPrefix(open) { fence = nil }
        continue
      }
      if content.hasPrefix("```") || content.hasPrefix("~~~") {
        fence = content.prefix(3)
        continue
      }
      let level = content.prefix { $0 == "#" }.count
      let title = content.dropFirst(level)
      if (1...6).contains(level), title.first?.isWhitespace == true, !title.trimmed.isEmpty {
        var text = title.trimmed
        while text.last == "#" { text.removeLast() }
        headings.append(Heading(level: level, title: String(text.trimmed), line: index + 1))
      } else if index > 0, content.count >= 3, content.allSatisfy({ $0 == "=" }), !lines[index - 1].trimmed.isEmpty {
        headings.append(Heading(level: 1, title: String(lines[index - 1].trimmed), line: index))
      }
    }
    return headings
  }

  private static func declarations(_ lines: [Substring]) -> [Heading] {
    lines.enumerated().compactMap { index, line in
      let content = line.trimmed
      guard !content.hasPrefix("//"), !content.hasPrefix("*"), !content.hasPrefix("#") else { return nil }
      let words = content.split(maxSplits: 5, whereSeparator: { !$0.isLetter && $0 != "_" }).prefix(4)
      guard let place = words.firstIndex(where: { keywords.contains(String($0)) }), place < words.count - 1,
        content.hasPrefix(words[0])
      else { return nil }
      let indentation = line.prefix { $0 == " " }.count / 2 + line.prefix { $0 == "\t" }.count
      return Heading(
        level: min(indentation, 5) + 1, title: String(content.prefix { $0 != "{" }.trimmed), line: index + 1)
    }
  }
}
