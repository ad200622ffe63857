import Glibc
import Synchronization

/// The unix socket's file: made ready before it is bound, given its rights after, removed at the end.
final class SocketFile: Sendable {
  static let addressInUse = EADDRINUSE
  /// Root, the service's user and its group: nobody else may connect.
  private static let mode: mode_t = 0o660

  let path: String
  private let group: gid_t?
  /// Device and inode of the file that we bound.
  private let bound = Mutex<(device: dev_t, inode: ino_t)?>(nil)

  init(path: String, group: gid_t?) { (self.path, self.group) = (path, group) }

  /// Makes the parent folder if there is none, and removes a socket that nobody answers on.
  func prepare() throws(APIServerError) {
    try makeParent()
    var status = stat()
    guard lstat(path, &status) == 0 else {
      guard errno == ENOENT else { throw failed(errno) }
      return
    }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw .listenFailed(name, reason: "another kind of file stands there")
    }
    if try isAnswering() { throw .addressInUse(name) }
    guard unlink(path) == 0 || errno == ENOENT else { throw failed(errno) }
  }

  /// After binding: mode 0660 and the group. What went wrong, as a sentence.
  func open() -> String? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return "the socket is gone: \(String(cString: strerror(errno)))" }
    bound.withLock { $0 = (status.st_dev, status.st_ino) }
    var problem: String?
    if let group, group != status.st_gid, chown(path, uid_t.max, group) != 0 {
      problem = "the socket could not be given to group \(group): \(String(cString: strerror(errno)))"
    }
    if chmod(path, Self.mode) != 0 {
      problem = "the socket's mode could not be set: \(String(cString: strerror(errno)))"
    }
    return problem
  }

  /// Removes the file if it is still the one that we bound: a successor may have taken the path.
  func remove() {
    guard let ours = bound.withLock({ $0 }) else { return }
    var status = stat()
    guard lstat(path, &status) == 0, status.st_dev == ours.device, status.st_ino == ours.inode else { return }
    unlink(path)
  }

  private var name: String { BoundAddress.socket(path: path).description }

  private func failed(_ number: Int32) -> APIServerError {
    .listenFailed(name, reason: String(cString: strerror(number)))
  }

  /// 0755, each folder that is missing.
  private func makeParent() throws(APIServerError) {
    let parts = path.split(separator: "/").dropLast()
    var folder = path.hasPrefix("/") ? "" : "."
    for part in parts {
      folder += "/\(part)"
      guard mkdir(folder, 0o755) == 0 || errno == EEXIST else { throw failed(errno) }
    }
  }

  private func isAnswering() throws(APIServerError) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { room in
      guard bytes.count < room.count else { return false }
      room.copyBytes(from: bytes)
      return true
    }
    guard fits else { throw .listenFailed(name, reason: "the path is longer than a socket's may be") }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { throw failed(errno) }
    defer { close(descriptor) }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    // A full queue (EAGAIN) has somebody behind it as well.
    return result == 0 || (errno != ECONNREFUSED && errno != ENOENT)
  }
}
