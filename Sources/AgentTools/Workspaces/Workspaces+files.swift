import AgentCore

/// The files of a workspace, by path.
package struct WorkspaceListing: Sendable, Hashable {
  /// Readable regular files, sorted by path; a path that is not plain UTF-8 is shown escaped and cannot be opened.
  package var files: [TaskOutput.File]
  /// There are more: `WorkspaceLimits.listedEntries` were listed, or the walk met its own bounds.
  package var isCut: Bool
}

extension Workspaces {
  /// Lists the files of a workspace with their sizes, at most `WorkspaceLimits.listedEntries`.
  ///
  /// `folder`: of `path(for:)` or `checkFolder`. Throws `file_not_found` for one that is gone, `io_error`, `cancelled`.
  package func files(in folder: String) async throws(WorkspaceError) -> WorkspaceListing {
    try await run { (ticket) throws(WorkspaceError) in
      var listing = WorkspaceListing(files: [], isCut: false)
      let workspace = try WorkspaceFolder(at: folder)
      let report = try workspace.walk(from: [UInt8(ascii: ".")], ticket: ticket) { entry in
        guard entry.isReadable else { return .goOn }
        guard listing.files.count < WorkspaceLimits.listedEntries else {
          listing.isCut = true
          return .stop
        }
        listing.files.append(TaskOutput.File(path: entry.shownPath, size: entry.size))
        return .goOn
      }
      if report.isCut || report.skippedFolders > 0 { listing.isCut = true }
      return listing
    }
  }

  /// One file's bytes, at most 16 MiB, of the files that `files(in:)` lists: links are not followed, even those that
  /// stay inside.
  ///
  /// Throws `path_outside_workspace`, `name_invalid`, `not_regular_file`, `file_not_found`, `file_too_large`,
  /// `io_error`, `cancelled`.
  package func read(_ path: String, in folder: String) async throws(WorkspaceError) -> [UInt8] {
    let path = try WorkspacePath(path)
    return try await run { (ticket) throws(WorkspaceError) in
      try WorkspaceFolder(at: folder).openFile(path.bytes, followingLinks: false)
        .readToEnd(limit: WorkspaceLimits.fileBytes, ticket: ticket, path.text)
    }
  }

  /// The whole workspace as a tar stream, to be asked for its pieces one after the other.
  package func tar(of folder: String) async throws(WorkspaceError) -> WorkspaceTar {
    try await run { [work] (ticket) throws(WorkspaceError) in
      try WorkspaceTar(folder: folder, work: work, ticket: ticket)
    }
  }
}
