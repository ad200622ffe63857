import AgentCore
import Glibc

/// Why something could not be done in a workspace: a stable code and a sentence for people, without file contents.
package struct WorkspaceError: Error, Sendable, Hashable {
  package enum Code: String, Sendable, CaseIterable {
    /// Absolute, `..`, or through a link that leads out of the workspace.
    case pathOutsideWorkspace = "path_outside_workspace"
    /// A folder, link, device, FIFO, socket, or a file with a second hard link.
    case notRegularFile = "not_regular_file"
    case notAFolder = "not_a_folder"
    case fileNotFound = "file_not_found"
    /// NUL, control or direction-changing characters, an empty or too long name, too deep.
    case nameInvalid = "name_invalid"
    /// Over `WorkspaceLimits.fileBytes`.
    case fileTooLarge = "file_too_large"
    /// Holds NUL or is not UTF-8.
    case fileNotText = "file_not_text"
    /// Another hand changed the file between the plan and the deed.
    case fileChanged = "file_changed"
    case editNoMatch = "edit_no_match"
    case editAmbiguous = "edit_ambiguous"
    case argumentsInvalid = "tool_arguments_invalid"
    /// The workspace's quota of bytes or entries.
    case workspaceFull = "workspace_full"
    /// The kernel has no openat2 (before Linux 5.6): no safe way to touch files.
    case openat2Unavailable = "openat2_unavailable"
    /// The folder is not below an allow-listed root, or would reach the service's own data.
    case folderNotAllowed = "folder_not_allowed"
    /// Below an allow-listed root, but the service may only read there.
    case folderNotWritable = "folder_not_writable"
    /// The task's workspace stands already.
    case workspaceExists = "workspace_exists"
    case pathDuplicate = "path_duplicate"
    /// The files given at creation are over `WorkspaceLimits.givenBytes` in all, or too many.
    case filesTooLarge = "files_too_large"
    case diskFull = "disk_full"
    case ioError = "io_error"
    /// The file system's own rights.
    case permissionDenied = "permission_denied"
    /// It is mounted read-only.
    case storageReadOnly = "storage_read_only"
    /// More calls wait for the disk than the queue holds.
    case busy = "io_busy"
    case cancelled
  }
  package var code: Code
  package var detail: String
  /// Which of several given files it is about, counted from 0.
  package var index: Int?

  package init(_ code: Code, _ detail: String, index: Int? = nil) {
    (self.code, self.detail, self.index) = (code, detail, index)
  }

  /// The error for a failed system call. `what` names the path or the deed: "a/b.txt".
  package init(errno number: Int32, _ what: String) {
    let reason = String(cString: strerror(number))
    switch number {
    case EXDEV: self.init(.pathOutsideWorkspace, "\(what): leads out of the workspace")
    case ELOOP:
      self.init(
        .pathOutsideWorkspace,
        "\(what): a link in it leads out of the workspace or in a circle, or is not followed here")
    case ENOENT: self.init(.fileNotFound, "\(what): there is no such file or folder")
    case ENOTDIR: self.init(.notAFolder, "\(what): a part of it is not a folder")
    case EISDIR, ENXIO, ENODEV: self.init(.notRegularFile, "\(what): not a regular file")
    case ENAMETOOLONG, EILSEQ: self.init(.nameInvalid, "\(what): \(reason)")
    case ENOSPC, EDQUOT: self.init(.diskFull, "\(what): \(reason)")
    case ENOSYS: self.init(.openat2Unavailable, "this kernel has no openat2, so files cannot be opened safely")
    case EAGAIN: self.init(.busy, "\(what): the folders above it kept changing")
    case EROFS: self.init(.storageReadOnly, "\(what): \(reason)")
    case EACCES, EPERM: self.init(.permissionDenied, "\(what): \(reason)")
    default: self.init(.ioError, "\(what): \(reason)")
    }
  }

  /// What a cancelled caller gets.
  package static var cancelled: WorkspaceError { WorkspaceError(.cancelled, "the call was cancelled") }

  /// What a caller gets whom the queue has no room for.
  package static var busy: WorkspaceError { WorkspaceError(.busy, "too many calls wait for the disk") }

  /// The same, as a tool's caller gets it.
  package var toolError: ToolError {
    ToolError(code.rawValue, detail, isRetryable: [.ioError, .busy, .diskFull].contains(code))
  }
}
