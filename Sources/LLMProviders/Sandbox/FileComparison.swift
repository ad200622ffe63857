/// What two files share and what only one of them has, by lines and headings.
struct FileComparison {
  /// Lines shown of each side.
  private static let shown = 10

  private let left: SandboxDocument
  private let right: SandboxDocument

  init(_ left: SandboxDocument, _ right: SandboxDocument) { (self.left, self.right) = (left, right) }

  func text(_ language: PromptLanguage, _ oneLine: (String) -> String) -> String {
    if left.text == right.text {
      return language(
        "`\(left.path)` and `\(right.path)` are the same, byte for byte.", "`\(left.path)` 与 `\(right.path)` 完全相同。")
    }
    let (leftLines, rightLines) = (Self.lines(left), Self.lines(right))
    let (leftSet, rightSet) = (Set(leftLines), Set(rightLines))
    let shared = leftSet.intersection(rightSet).count
    let start = language(
      "`\(left.path)` and `\(right.path)` share \(shared) different lines that are not empty.",
      "`\(left.path)` 与 `\(right.path)` 有 \(shared) 个相同的非空行。")
    return [
      start, only(left, leftLines, without: rightSet, language, oneLine),
      only(right, rightLines, without: leftSet, language, oneLine),
    ]
    .joined(separator: "\n\n")
  }

  private static func lines(_ document: SandboxDocument) -> [Substring] {
    document.isBinary ? [] : TextLines.split(document.text).map(\.trimmed).filter { !$0.isEmpty }
  }

  private func only(
    _ document: SandboxDocument, _ lines: [Substring], without other: Set<Substring>, _ language: PromptLanguage,
    _ oneLine: (String) -> String
  ) -> String {
    let own = lines.filter { !other.contains($0) }
    guard !own.isEmpty else {
      return language("Nothing stands only in `\(document.path)`.", "没有只出现在 `\(document.path)` 中的行。")
    }
    let title = language(
      "Only in `\(document.path)` (\(own.count) lines):", "只出现在 `\(document.path)` 中（\(own.count) 行）：")
    return
      ([title] + own.prefix(Self.shown).map { "- " + oneLine(String($0)) } + (own.count > Self.shown ? ["- …"] : []))
      .joined(separator: "\n")
  }
}
