import AgentConfig
import AgentCore

/// Changes inside files: replacing a text, mending a title.
struct SandboxChange {
  let order: SandboxOrder
  let documents: [SandboxDocument]
  let knowledge: SandboxKnowledge
  let offered: Set<String>

  /// The edits not made yet; each file is edited at most once.
  func nextEdits() -> [SandboxScript.Call] {
    guard offered.contains("file.edit") else { return [] }
    let edited = Set(knowledge.edits.map(\.path))
    var calls: [SandboxScript.Call] = []
    for document in documents where !edited.contains(document.path) && !document.isBinary {
      guard let edit = edit(of: document) else { continue }
      calls.append(
        SandboxScript.Call(
          name: "file.edit",
          arguments: ["path": .string(document.path), "old": .string(edit.old), "new": .string(edit.new)]))
    }
    return Array(calls.prefix(SandboxLimits.callsInTurn))
  }

  /// What is to be changed in a file; nil when nothing is.
  func edit(of document: SandboxDocument) -> SandboxOrder.Replacement? {
    if order.actions.contains(.replace), let replacement = order.replacement {
      return Self.span(of: replacement, in: document.text)
    }
    if order.actions.contains(.fixTitle) { return titleEdit(of: document) }
    return nil
  }

  /// How often the old text stands in a file.
  func occurrences(in document: SandboxDocument) -> Int {
    ByteOccurrences.offsets(of: Array((order.replacement?.old ?? "").utf8), in: Array(document.text.utf8)).count
  }

  /// The stretch from the first to the last occurrence, so that one edit changes them all.
  private static func span(of replacement: SandboxOrder.Replacement, in text: String) -> SandboxOrder.Replacement? {
    guard replacement.old != replacement.new else { return nil }
    let (bytes, old, new) = (Array(text.utf8), Array(replacement.old.utf8), Array(replacement.new.utf8))
    let offsets = ByteOccurrences.offsets(of: old, in: bytes)
    guard let first = offsets.first, let last = offsets.last else { return nil }
    var changed: [UInt8] = []
    var position = first
    for offset in offsets {
      changed += bytes[position..<offset] + new
      position = offset + old.count
    }
    return unique(first..<last + old.count, becoming: changed, in: bytes)
  }

  /// The edit of those bytes, widened by whole lines until what it replaces stands only once in the file, as the tool
  /// demands.
  private static func unique(_ range: Range<Int>, becoming new: [UInt8], in bytes: [UInt8]) -> SandboxOrder.Replacement
  {
    let lineBreak = UInt8(ascii: "\n")
    var (start, end) = (range.lowerBound, range.upperBound)
    // Twenty lines tell any two places of a readable text apart; otherwise the tool says that it is ambiguous.
    let maximumSteps = 20
    for _ in 0..<maximumSteps {
      guard ByteOccurrences.offsets(of: Array(bytes[start..<end]), in: bytes, overlapping: true).count > 1 else {
        break
      }
      end = min((bytes[end...].firstIndex(of: lineBreak) ?? bytes.count) + 1, bytes.count)
      start = bytes[..<max(start - 1, 0)].lastIndex(of: lineBreak).map { $0 + 1 } ?? 0
    }
    let before = bytes[start..<range.lowerBound]
    let after = bytes[range.upperBound..<end]
    return SandboxOrder.Replacement(
      old: String(decoding: bytes[start..<end], as: UTF8.self),
      new: String(decoding: before + new + after, as: UTF8.self))
  }

  /// The first heading as it should be, by rule: one `#` and one blank, no mark or `#` at its end, no doubled blanks, a
  /// capital first; or the title that the prompt gives.
  private func titleEdit(of document: SandboxDocument) -> SandboxOrder.Replacement? {
    let lines = TextLines.split(document.text)
    guard let index = Self.titleIndex(lines), let title = titles(of: document)?.new else { return nil }
    let start = document.text.utf8.distance(from: document.text.startIndex, to: lines[index].startIndex)
    return Self.unique(
      start..<start + lines[index].utf8.count, becoming: Array(title.utf8), in: Array(document.text.utf8))
  }

  /// The title's line as it is and as it should be; nil when they are the same, or there is none.
  func titles(of document: SandboxDocument) -> SandboxOrder.Replacement? {
    let lines = TextLines.split(document.text)
    guard let index = Self.titleIndex(lines) else { return nil }
    let title = order.newTitle.map { "# " + $0 } ?? Self.mended(lines[index])
    return title == lines[index] ? nil : SandboxOrder.Replacement(old: String(lines[index]), new: title)
  }

  private static func titleIndex(_ lines: [Substring]) -> Int? {
    if let heading = lines.firstIndex(where: { $0.hasPrefix("#") && $0.drop { $0 == "#" }.trimmed.isEmpty == false }) {
      return heading
    }
    return lines.firstIndex { !$0.trimmed.isEmpty }
  }

  private static func mended(_ line: Substring) -> String {
    var words = line.drop { $0 == "#" }.trimmed
    while let last = words.last, "#.:;,。：；， ".contains(last) { words.removeLast() }
    let text = words.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return "# " + text.prefix(1).uppercased() + text.dropFirst()
  }
}
