/// How much one workspace may hold.
package struct WorkspaceQuota: Sendable, Hashable {
  /// Bytes of all files together.
  package var bytes: Int64
  /// Files, folders and links, those of unfinished writes included; at most `WorkspaceLimits.workspaceEntries`.
  package var entries: Int

  /// The contract's quota, unless told.
  package init(bytes: Int64 = WorkspaceLimits.workspaceBytes, entries: Int = WorkspaceLimits.workspaceEntries) {
    (self.bytes, self.entries) = (bytes, entries)
  }

  /// Throws `workspace_full` unless `newBytes` may take the place of `oldBytes` (nil: a new file). Walks all of the
  /// workspace when it would grow: about a second at 100,000 entries. Throws `cancelled`.
  package func requireRoom(
    in folder: borrowing WorkspaceFolder, for newBytes: Int, replacing oldBytes: Int?, ticket: WorkTicket
  ) throws(WorkspaceError) {
    // A file that does not grow needs no walk.
    if let oldBytes, newBytes <= oldBytes { return }
    var held: Int64 = 0
    let report = try folder.walk(from: [UInt8(ascii: ".")], ticket: ticket) { entry in
      held += entry.size
      return .goOn
    }
    let needed = held - Int64(oldBytes ?? 0) + Int64(newBytes)
    guard needed <= bytes else {
      throw WorkspaceError(.workspaceFull, "it would hold \(needed) bytes of the \(bytes) it may hold")
    }
    let newEntries = oldBytes == nil ? 1 : 0
    guard !report.isCut, report.entries + newEntries <= entries else {
      throw WorkspaceError(.workspaceFull, "the workspace may hold \(entries) files and folders, and does")
    }
  }
}
