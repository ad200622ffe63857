/// A checked path inside a workspace: relative, without `..`, of names that can be shown as they are.
///
/// `src/main.swift`; `.` is the workspace itself. Names are compared byte by byte, as the file system does.
package struct WorkspacePath: Sendable, Hashable {
  /// The names from the workspace down, in UTF-8; none for the workspace itself.
  package let components: [[UInt8]]

  /// Reads a path as callers and models write it. `.` components fall away; a folder's may end in `/`.
  ///
  /// Throws `path_outside_workspace` for absolute paths and any `..`, `name_invalid` for empty names, control and
  /// direction-changing characters, reserved names and whatever is longer or deeper than `WorkspaceLimits`.
  package init(_ text: String, isFolder: Bool = false) throws(WorkspaceError) {
    let bytes = Array(text.utf8)
    let shown = TextForDisplay.escaped(text)
    func invalid(_ why: String) -> WorkspaceError { WorkspaceError(.nameInvalid, "\(shown): \(why)") }
    guard !bytes.isEmpty else { throw invalid("the path is empty") }
    guard bytes.count <= WorkspaceLimits.pathBytes else {
      throw invalid("longer than \(WorkspaceLimits.pathBytes) bytes")
    }
    guard bytes[0] != UInt8(ascii: "/") else {
      throw WorkspaceError(.pathOutsideWorkspace, "\(shown): paths are relative to the workspace")
    }
    var parts = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { [UInt8]($0) }
    if isFolder, parts.count > 1, parts.last == [] { parts.removeLast() }
    guard !parts.contains(Array("..".utf8)) else {
      throw WorkspaceError(.pathOutsideWorkspace, "\(shown): `..` is not allowed")
    }
    guard text.unicodeScalars.allSatisfy(TextForDisplay.isPlain) else { throw invalid("holds a control character") }
    parts.removeAll { $0 == [UInt8(ascii: ".")] }
    for part in parts {
      guard !part.isEmpty else { throw invalid("holds an empty name") }
      guard part.count <= WorkspaceLimits.nameBytes else {
        throw invalid("a name is longer than \(WorkspaceLimits.nameBytes) bytes")
      }
      guard !TemporaryNames.isReserved(part) else { throw invalid("the name is reserved for files being written") }
    }
    guard parts.count <= WorkspaceLimits.depth else { throw invalid("deeper than \(WorkspaceLimits.depth) folders") }
    guard isFolder || !parts.isEmpty else {
      throw WorkspaceError(.notRegularFile, "\(shown): the workspace itself is a folder")
    }
    components = parts
  }

  /// The path in the form that all tools show: `a/b`, or `.` for the workspace itself.
  package var text: String { String(decoding: bytes, as: UTF8.self) }

  /// `text` in UTF-8.
  package var bytes: [UInt8] { Self.joined(components[...]) }

  /// The folder that it lies in, `.` for the workspace itself.
  package var parentBytes: [UInt8] { Self.joined(components.dropLast()) }

  /// The last name; `.` for the workspace itself.
  package var name: [UInt8] { components.last ?? [UInt8(ascii: ".")] }

  /// The names joined by `/`; `.` for none.
  package static func joined(_ components: some Collection<[UInt8]>) -> [UInt8] {
    components.isEmpty ? [UInt8(ascii: ".")] : Array(components.joined(separator: [UInt8(ascii: "/")]))
  }
}
