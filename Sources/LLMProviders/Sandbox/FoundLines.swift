/// Lines in which something was found.
struct FoundLine: Sendable, Hashable {
  var file: String
  /// From 1.
  var line: Int
  var text: String
}

enum FoundLines {
  /// Lines of a document that hold the text, letter by letter, as `file.search` finds them.
  static func search(_ needle: String, in document: SandboxDocument) -> [FoundLine] {
    guard !needle.isEmpty, !document.isBinary else { return [] }
    return TextLines.split(document.text).enumerated().compactMap { index, line in
      ByteOccurrences.contains(needle, in: String(line))
        ? FoundLine(file: document.path, line: index + 1, text: String(line.trimmed)) : nil
    }
  }

  /// Reads the result of `file.search`: `path:line: text`, or a path on a line of its own with `line: text` below it.
  /// What has neither shape is a remark of the tool's.
  static func parse(_ result: String) -> [FoundLine] {
    var found: [FoundLine] = []
    var file = ""
    for line in TextLines.split(result) {
      if let (number, text) = numbered(line.trimmed), !file.isEmpty {
        found.append(FoundLine(file: file, line: number, text: String(text.trimmed)))
      } else if let hit = located(line) {
        found.append(hit)
      } else if PathName.isLikely(String(line.trimmed.drop(while: { $0 == ":" }))) {
        file = String(line.trimmed)
        if file.hasSuffix(":") { file.removeLast() }
      }
    }
    return found
  }

  /// What `file.search` says about its own work, in lines in square brackets, but for the bare news that there is
  /// nothing.
  static func remarks(_ result: String) -> [String] {
    TextLines.split(result).filter {
      $0.hasPrefix("[") && $0.hasSuffix("]") && !$0.hasPrefix("[no line") && located($0) == nil
    }
    .map(String.init)
  }

  private static func numbered(_ line: Substring) -> (Int, Substring)? {
    let digits = line.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int(digits), let mark = line.dropFirst(digits.count).first, ":-\t".contains(mark) else {
      return nil
    }
    return (number, line.dropFirst(digits.count + 1))
  }

  private static func located(_ line: Substring) -> FoundLine? {
    var rest = line
    while let colon = rest.firstIndex(where: { $0 == ":" || $0 == "\t" }) {
      let after = line[line.index(after: colon)...]
      if colon > line.startIndex, let (number, text) = numbered(after) {
        return FoundLine(file: PathName.normalised(String(line[..<colon])), line: number, text: String(text.trimmed))
      }
      rest = after
    }
    return nil
  }
}
