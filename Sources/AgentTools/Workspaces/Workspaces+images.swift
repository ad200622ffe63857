import AgentCore
import Glibc

/// Copies of the pictures that models were shown, beside the task's folder: the folder is the agent's to change.
extension Workspaces {
  /// `task-17.images`, with a file for each digest.
  static let imagesSuffix = ".images"

  private func imagesFolder(of task: TaskID) -> String { path(for: task) + Self.imagesSuffix }

  /// Keeps the bytes under their digest, durable on return. May be repeated; `remove` takes them away.
  ///
  /// Throws `disk_full`, `io_error`, `name_invalid` for what is no digest.
  package func keepImage(_ bytes: [UInt8], digest: String, of task: TaskID) async throws(WorkspaceError) {
    try Self.requireDigest(digest)
    let folder = imagesFolder(of: task)
    try await run { [root, reserve] (ticket) throws(WorkspaceError) in
      try reserve?.requireRoom(for: bytes.count, in: try Self.open(root), "the task's pictures")
      try ticket.commit()
      guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw WorkspaceError(errno: errno, folder) }
      let (name, temporary) = (folder + "/" + digest, folder + "/" + digest + ".new")
      let number = Glibc.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
      guard number >= 0 else { throw WorkspaceError(errno: errno, temporary) }
      let opened = OwnedDescriptor(number)
      try opened.write(bytes, ticket: ticket, temporary)
      try opened.synchronize(temporary)
      guard rename(temporary, name) == 0 else { throw WorkspaceError(errno: errno, name) }
      try Self.synchronize(folder)
      try Self.synchronize(root)
    }
  }

  /// The bytes that `keepImage` kept. Throws `file_not_found`, `io_error`, `cancelled`.
  package func image(_ digest: String, of task: TaskID) async throws(WorkspaceError) -> [UInt8] {
    try Self.requireDigest(digest)
    let name = imagesFolder(of: task) + "/" + digest
    return try await run { (ticket) throws(WorkspaceError) in
      let number = Glibc.open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
      guard number >= 0 else { throw WorkspaceError(errno: errno, name) }
      return try OwnedDescriptor(number).readToEnd(limit: TaskImages.maximumBytes, ticket: ticket, name)
    }
  }

  /// A digest becomes a file's name: it must be nothing but one.
  private static func requireDigest(_ digest: String) throws(WorkspaceError) {
    guard digest.utf8.count == 64, digest.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
      throw WorkspaceError(.nameInvalid, "a picture is kept under its digest")
    }
  }
}
