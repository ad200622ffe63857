import AgentCore

/// What `file.list` told of a folder. The tool's text is made for reading, so this takes the shapes that such texts
/// have: one entry a line, folders ending in `/`, a size or a kind in another column or in brackets.
struct FolderListing: Sendable, Hashable {
  struct Entry: Sendable, Hashable {
    /// Relative to the workspace.
    var path: String
    var isFolder: Bool
    /// Where the list tells it.
    var bytes: Int?
  }

  /// More entries than this are not looked at: the answer shows far fewer.
  private static let maximumEntries = 5000
  private static let folderWords: Set<String> = ["d", "dir", "folder", "directory", "drwxr-xr-x"]
  private static let fileWords: Set<String> = ["f", "file", "-", "l", "link", "symlink", "other"]

  var entries: [Entry]
  /// The tool's own words about the list, such as that it is cut: lines in square brackets.
  var remarks: [String]

  init(folder: String, text: String) {
    var entries: [Entry] = []
    for line in TextLines.split(text).prefix(Self.maximumEntries) {
      guard let entry = Self.entry(line) else { continue }
      let path = PathName.joined(folder, PathName.normalised(entry.name))
      entries.append(Entry(path: path, isFolder: entry.isFolder, bytes: entry.bytes))
    }
    self.entries = entries
    remarks = TextLines.split(text).filter { $0.hasPrefix("[") && $0.hasSuffix("]") }.map(String.init)
  }

  private static func entry(_ line: Substring) -> (name: String, isFolder: Bool, bytes: Int?)? {
    var isFolder = false
    var bytes: Int?
    let columns = line.unicodeScalars.split(separator: "\t").map { Substring($0) }
    guard var name = columns.first(where: { !isKindOrSize($0) }) else { return nil }
    if columns.contains(where: { folderWords.contains($0.lowercased()) }) { isFolder = true }
    if columns.count == 1 {
      let words = name.split(separator: " ", maxSplits: 1)
      if words.count == 2, ["dir", "folder", "directory", "file", "d", "f"].contains(words[0].lowercased()) {
        isFolder = folderWords.contains(words[0].lowercased())
        name = words[1]
      }
      (name, bytes) = withoutSize(name)
      // What no tool opens is of no use here.
      if name.hasSuffix(" (special)") { return nil }
      if name.hasSuffix(" (link)") { name = name.dropLast(7) }
    }
    while name.first == " " { name.removeFirst() }
    while name.last == " " || name.last == "\r" { name.removeLast() }
    if name.hasSuffix("/") {
      isFolder = true
      name.removeLast()
    }
    // A line in brackets is the tool's own remark: "(empty)", "[cut after 1000 entries]".
    guard !name.isEmpty, name != ".", name != "..", !name.hasPrefix("("), !name.hasPrefix("[") else { return nil }
    return (String(name), isFolder, bytes)
  }

  private static func isKindOrSize(_ column: Substring) -> Bool {
    let word = column.lowercased()
    return folderWords.contains(word) || fileWords.contains(word) || word.isEmpty || isSize(word[...])
  }

  private static func isSize(_ text: Substring) -> Bool {
    let words = text.split(separator: " ")
    guard let number = words.first, number.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == "." || $0 == ",") }) else {
      return false
    }
    return words.count == 1
      || words.count == 2 && ["bytes", "byte", "b", "kib", "mib", "kb", "mb"].contains(words[1].lowercased())
  }

  private static func withoutSize(_ name: Substring) -> (name: Substring, bytes: Int?) {
    if name.hasSuffix(")"), let open = name.lastIndex(of: "("), open > name.startIndex {
      let size = name[name.index(after: open)...].dropLast()
      if isSize(size) { return (name[..<open], size.hasSuffix(" bytes") ? Int(size.dropLast(6)) : nil) }
    }
    if let gap = name.ranges(of: "  ").last, isSize(name[gap.upperBound...].trimmed) {
      return (name[..<gap.lowerBound], Int(name[gap.upperBound...].trimmed))
    }
    return (name, nil)
  }
}

extension Substring {
  /// Without blanks at either end.
  var trimmed: Substring {
    var rest = self
    while let first = rest.first, first.isWhitespace { rest.removeFirst() }
    while let last = rest.last, last.isWhitespace { rest.removeLast() }
    return rest
  }
}

/// Lines of a text, whatever ends them.
enum TextLines {
  /// Without their ends; an end of the last line begins no further line.
  static func split(_ text: String) -> [Substring] {
    // By scalars: as characters, a carriage return and a line feed are one and would not match.
    var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { view in
      Substring(view.last == "\r" ? view.dropLast() : view)
    }
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }
}
