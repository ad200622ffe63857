/// One piece of a prompt, with its place, so that a later reader can take the text between two pieces as it was written.
struct PromptToken: Sendable, Hashable {
  enum Kind: Sendable, Hashable {
    /// A word of a script that writes words apart, in lower case.
    case word(String)
    /// A run of Chinese characters.
    case han(String)
    /// What stood between quotation marks.
    case quoted(String)
    /// A name of a file or folder, written without quotation marks.
    case path(String)
    case mark(Character)
  }
  var kind: Kind
  /// Positions in the characters that were read.
  var range: Range<Int>

  var word: String? { if case .word(let text) = kind { text } else { nil } }
  var han: String? { if case .han(let text) = kind { text } else { nil } }
  var quoted: String? { if case .quoted(let text) = kind { text } else { nil } }

  /// A path, in quotation marks or not.
  var path: String? {
    switch kind {
    case .path(let text): text
    case .quoted(let text): PathName.isLikely(text) ? text : nil
    default: nil
    }
  }
}

/// What looks like the name of a file or folder.
enum PathName {
  /// Longer than any name that a file system takes.
  static let maximumLength = 1024
  private static let bareNames: Set<String> = [
    "README", "LICENSE", "LICENCE", "CHANGELOG", "Makefile", "Dockerfile", "NOTICE", "AUTHORS", "TODO.md",
  ]

  static func isLikely(_ text: String) -> Bool {
    guard !text.isEmpty, text.utf8.count <= maximumLength, !text.contains("://"),
      !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
    else { return false }
    if bareNames.contains(text) { return true }
    if text.contains("/") {
      let parts = text.split(separator: "/")
      return !parts.isEmpty && !text.contains("//") && !parts.contains { $0.hasPrefix(" ") || $0.hasSuffix(" ") }
        && (text.hasSuffix("/") || text.hasPrefix("./") || !parts.allSatisfy { $0.allSatisfy(\.isNumber) })
    }
    return hasExtension(text)
  }

  /// `a.md` and `.env`, but neither `3.5` nor `e.g.`.
  static func hasExtension(_ text: String) -> Bool {
    guard let dot = text.lastIndex(of: ".") else { return false }
    let ending = text[text.index(after: dot)...]
    guard (1...12).contains(ending.utf8.count), ending.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }),
      ending.contains(where: \.isLetter)
    else { return false }
    return !["e.g", "i.e", "a.m", "p.m", "u.s"].contains(text.lowercased())
  }

  /// The last part of a path.
  static func last(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  /// The folder that a path lies in, `.` for the top.
  static func parent(_ path: String) -> String {
    let parts = normalised(path).split(separator: "/")
    return parts.count < 2 ? "." : parts.dropLast().joined(separator: "/")
  }

  /// Without `./` before and `/` behind.
  static func normalised(_ path: String) -> String {
    var rest = path[...]
    while rest.hasPrefix("./") { rest = rest.dropFirst(2) }
    while rest.count > 1, rest.hasSuffix("/") { rest = rest.dropLast() }
    return rest.isEmpty ? "." : String(rest)
  }

  static func joined(_ folder: String, _ name: String) -> String {
    folder == "." || name.hasPrefix(folder + "/") ? name : folder + "/" + name
  }

  /// The name without its extension, in lower case.
  static func stem(_ path: String) -> String {
    let name = last(path).lowercased()
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
    return String(name[..<dot])
  }
}
