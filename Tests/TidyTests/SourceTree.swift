import Foundation
import Glibc

/// The project's files as text, as the tidy rules read them.
struct SourceTree {
  struct File {
    /// Relative to the project's folder.
    var path: String
    var lines: [String]

    var name: String { String(path.split(separator: "/").last ?? "") }
    var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
  }

  static var root: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  }

  /// Every Swift file below `folder` (`Sources`, `Tests`), sorted by path.
  static func swiftFiles(in folder: String) throws -> [File] {
    let base = root.appendingPathComponent(folder)
    let enumerator = FileManager.default.enumerator(atPath: base.path)
    var files: [File] = []
    while let path = enumerator?.nextObject() as? String {
      guard path.hasSuffix(".swift") else { continue }
      let text = try String(contentsOf: base.appendingPathComponent(path), encoding: .utf8)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      files.append(File(path: "\(folder)/\(path)", lines: lines))
    }
    return files.sorted { $0.path < $1.path }
  }

  /// `path:line: text` of each line that `isOffending` says yes to, given the line and the one before.
  static func offences(
    in files: [File], _ isOffending: (_ line: String, _ before: String) -> Bool
  ) -> [String] {
    files.flatMap { file in
      file.lines.enumerated().compactMap { index, line in
        isOffending(line, index > 0 ? file.lines[index - 1] : "")
          ? "\(file.path):\(index + 1): \(line.trimmingCharacters(in: .whitespaces))" : nil
      }
    }
  }
}

extension String {
  /// Whether any of the words stands in it, wherever: asked before an expression is tried, which costs a thousandfold.
  func mentions(_ words: String...) -> Bool {
    withCString { line in words.contains { strstr(line, $0) != nil } }
  }

  /// The line without a trailing comment and without what stands in plain string literals.
  var code: String {
    var text = replacing(/"(?:[^"\\]|\\.)*"/, with: "\"\"")
    if let comment = text.range(of: "//") { text = String(text[..<comment.lowerBound]) }
    return text
  }
}
