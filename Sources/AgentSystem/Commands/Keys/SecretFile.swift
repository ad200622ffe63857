import AgentCore
import Glibc

/// A new file of this user's, closed to others, for a secret that is shown once.
struct SecretFile: Sendable {
  let path: String
  private let descriptor: Int32

  /// - Throws: `usage` where there is such a file already, or none can be made.
  static func make(_ path: String) throws(ClientError) -> SecretFile {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw .usage(
        errno == EEXIST
          ? "\(path) exists: a secret is written to a new file alone" : "\(path): \(String(cString: strerror(errno)))")
    }
    return SecretFile(path: path, descriptor: descriptor)
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
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
      throw .refused(
        "failed", "\(path): \(String(cString: strerror(errno))); the code is lost: make another one")
    }
  }
}

extension ClientSession {
  /// A path of the command line, made absolute.
  func path(_ text: String) -> String { text.hasPrefix("/") ? text : input.folder + "/" + text }
}
