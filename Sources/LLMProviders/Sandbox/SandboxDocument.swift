import AgentCore

/// A file's text as a tool gave it.
struct SandboxDocument: Sendable, Hashable {
  var path: String
  var text: String
  /// What the tool said about the part it left out, where it gave only a part.
  var cutNote: String?

  /// Gives what a read came to; the tool's last line in brackets is a remark only under a text as long as tools give.
  init(path: String, result: String) {
    (self.path, text) = (path, result)
    guard result.utf8.count >= Self.cutMinimum, let last = TextLines.split(result).last, last.hasPrefix("[line"),
      last.hasSuffix("]")
    else { return }
    cutNote = String(last)
    text = String(result[..<last.startIndex])
  }

  init(path: String, text: String) { (self.path, self.text) = (path, text) }

  /// What is shown of a tool's output is cut at 32 KiB, at the end of a line.
  private static let cutMinimum = ToolOutcome.shownBytes / 2

  /// The beginning is enough to tell text from anything else.
  private static let sample = 4096

  /// Whether nobody would read it: it holds NUL, or more than one in twenty of its first characters are control
  /// characters or stand for bytes that were no UTF-8.
  var isBinary: Bool {
    var count = 0
    var strange = 0
    for scalar in text.unicodeScalars.prefix(Self.sample) {
      count += 1
      if scalar.value == 0 { return true }
      let isControl = scalar.properties.generalCategory == .control && !["\n", "\r", "\t", "\u{0C}"].contains(scalar)
      if isControl || scalar == "\u{FFFD}" { strange += 1 }
    }
    return strange * 20 > count
  }

  var kind: Kind { Kind(path: path) }

  enum Kind: Int, Sendable, Comparable {
    case markdown, text, source, other, unreadable

    private static let sources: Set<String> = [
      "swift", "c", "h", "cc", "cpp", "hpp", "m", "rs", "go", "py", "rb", "js", "jsx", "ts", "tsx", "java", "kt", "cs",
      "php",
      "sh", "bash", "pl", "lua", "sql", "scala", "hs", "ml", "ex", "exs", "erl", "zig",
    ]
    private static let unreadables: Set<String> = [
      "png", "jpg", "jpeg", "gif", "webp", "ico", "bmp", "pdf", "zip", "gz", "tgz", "xz", "bz2", "zst", "7z", "tar",
      "db",
      "sqlite", "wal", "shm", "so", "o", "a", "dylib", "dll", "exe", "bin", "class", "jar", "woff", "woff2", "ttf",
      "otf",
      "mp3", "mp4", "mov", "avi", "wav", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "pyc", "wasm",
    ]

    init(path: String) {
      let name = PathName.last(path).lowercased()
      let ending = name.split(separator: ".").count > 1 ? name.split(separator: ".").last.map(String.init) ?? "" : ""
      switch ending {
      case "md", "markdown", "mdx": self = .markdown
      case "txt", "rst", "adoc", "text", "org", "log": self = .text
      case _ where Self.sources.contains(ending): self = .source
      case _ where Self.unreadables.contains(ending): self = .unreadable
      case "" where ["readme", "license", "licence", "changelog", "notice", "authors"].contains(name): self = .text
      default: self = .other
      }
    }

    static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }
  }
}
