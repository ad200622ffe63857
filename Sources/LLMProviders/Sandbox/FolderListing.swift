import AgentCore

/// What `file.list` told of a folder, read exactly as that tool writes it: `NAME/` is a folder, `NAME (12 bytes)` a file,
/// `NAME (link)` and `NAME (special)` what they say. Whatever the name is, the line's end decides.
struct FolderListing: Sendable, Hashable {
  struct Entry: Sendable, Hashable {
    /// Relative to the workspace.
    var path: String
    var isFolder: Bool
    /// Of files.
    var bytes: Int?
  }

  /// More entries than this are not looked at: the answer shows far fewer.
  private static let maximumEntries = 5000

  var entries: [Entry]
  /// The tool's own words about the list, such as that it is cut: lines in square brackets, which no entry's line is.
  var remarks: [String]

  init(folder: String, text: String) {
    let lines = TextLines.split(text)
    entries = lines.prefix(Self.maximumEntries).compactMap { Self.entry($0, in: folder) }
    remarks = lines.filter { $0.hasPrefix("[") && $0.hasSuffix("]") }.map(String.init)
  }

  /// Nil for a line that is no entry, and for what no tool opens.
  private static func entry(_ line: Substring, in folder: String) -> Entry? {
    func entry(_ name: Substring, isFolder: Bool = false, bytes: Int? = nil) -> Entry? {
      name.isEmpty ? nil : Entry(path: PathName.joined(folder, String(name)), isFolder: isFolder, bytes: bytes)
    }
    if line.hasSuffix("/") { return entry(line.dropLast(), isFolder: true) }
    if line.hasSuffix(" (link)") { return entry(line.dropLast(7)) }
    guard line.hasSuffix(" bytes)"), let open = line.lastIndex(of: "("), open > line.startIndex else { return nil }
    let end = line.index(before: open)
    let digits = line[line.index(after: open)...].dropLast(7)
    guard line[end] == " ", digits.utf8.allSatisfy({ (48...57).contains($0) }), let bytes = Int(digits) else {
      return nil
    }
    return entry(line[..<end], bytes: bytes)
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
