import AgentCore
import Glibc

/// A new file of this user's, closed to others, for a secret that is shown once.
struct SecretFile: Sendable {
  let path: String
  private let descriptor: Int32

  /// More than any secret that is shown once has.
  private static let room = 128

  /// The file, and room for what it is to hold, are on disk when this returns.
  ///
  /// - Throws: `usage` where there is such a file already, or none can be made.
  static func make(_ path: String) throws(ClientError) -> SecretFile {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw .usage(
        errno == EEXIST
          ? "\(path) exists: a secret is written to a new file alone" : "\(path): \(String(cString: strerror(errno)))")
    }
    let file = SecretFile(path: path, descriptor: descriptor)
    let code = posix_fallocate(descriptor, 0, off_t(room))
    guard code == 0, fsync(descriptor) == 0, file.syncFolder() else {
      let problem = String(cString: strerror(code == 0 ? errno : code))
      file.remove()
      throw .usage("\(path): \(problem)")
    }
    return file
  }

  private func syncFolder() -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let folder = open(parts.joined(separator: "/") + "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return false }
    defer { close(folder) }
    return fsync(folder) == 0
  }

  /// Takes the file away again.
  func remove() {
    close(descriptor)
    unlink(path)
  }

  /// Writes all of it and has it on disk; the file is closed then.
  func write(_ secret: Secret) throws(ClientError) {
    defer { close(descriptor) }
    let bytes = Array(secret.reveal().utf8)
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count,
      ftruncate(descriptor, off_t(bytes.count)) == 0,
      fsync(descriptor) == 0
    else {
      throw .refused(
        "failed", "\(path): \(String(cString: strerror(errno))); the code is lost: make another one")
    }
  }
}

extension ClientSession {
  /// A path of the command line, made absolute.
  func path(_ text: String) -> String { text.hasPrefix("/") ? text : input.folder + "/" + text }
}
