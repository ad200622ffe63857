import AgentCore
import CPlatform
import Glibc

/// The data folder while this process holds it: its lock, and the one descriptor of `agent.db` that is ours.
final class DataFolder: Sendable {
  let path: String
  let databasePath: String
  private let lockDescriptor: Int32

  private init(path: String, lockDescriptor: Int32) {
    (self.path, self.lockDescriptor) = (path, lockDescriptor)
    databasePath = path + "/agent.db"
  }

  /// Takes the folder for this process; makes it (0700) when there is none.
  ///
  /// - Throws: `data_folder_permissions`, `filesystem_unsupported`, `data_folder_in_use`, `storage_io_error`.
  static func acquire(_ path: String) throws(StoreStartError) -> DataFolder {
    if mkdir(path, 0o700) != 0, errno != EEXIST { throw failure("The data folder \(path) cannot be made") }
    try checkPermissions(path)
    try checkFileSystem(path)
    return DataFolder(path: path, lockDescriptor: try lock(path))
  }

  private static func checkPermissions(_ path: String) throws(StoreStartError) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw failure("The data folder \(path) cannot be looked at") }
    guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(), status.st_mode & 0o777 == 0o700 else {
      throw StoreStartError(
        .dataFolderPermissions,
        "The data folder \(path) must be a folder of user \(geteuid()) that is closed to others: "
          + "chown \(geteuid()) \(path) && chmod 700 \(path).")
    }
  }

  private static func checkFileSystem(_ path: String) throws(StoreStartError) {
    var magic: UInt64 = 0
    let code = cplatform_filesystem(path, &magic)
    guard code == 0 else { throw failure("The file system of \(path) cannot be looked at", code: code) }
    // The kernel hands some of them out as negative numbers.
    if let name = networkFileSystems[UInt32(truncatingIfNeeded: magic)] {
      throw StoreStartError(
        .filesystemUnsupported,
        "The data folder \(path) lies on \(name), whose locks and syncs do not hold: move it to a local disk.")
    }
  }

  /// By statfs(2).
  private static let networkFileSystems: [UInt32: String] = [
    0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB2",
  ]

  /// A lock of the open file description: no other descriptor of this or another process can drop it.
  private static func lock(_ path: String) throws(StoreStartError) -> Int32 {
    let descriptor = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure("The lock of the data folder \(path) cannot be opened") }
    let code = cplatform_lock(descriptor)
    guard code == 0 else {
      let holder = readPID(descriptor)
      close(descriptor)
      guard code == EAGAIN || code == EACCES else {
        throw failure("The data folder \(path) cannot be locked", code: code)
      }
      throw StoreStartError(
        .dataFolderInUse,
        "The data folder \(path) is in use by process \(holder ?? "unknown"): stop that one, or ask it instead.")
    }
    let text = Array("\(getpid())\n".utf8)
    // The pid is for people: a full disk must not keep the lock's holder from starting.
    _ = ftruncate(descriptor, 0) == 0 && pwrite(descriptor, text, text.count, 0) == text.count
    return descriptor
  }

  private static func readPID(_ descriptor: Int32) -> String? {
    var bytes = [UInt8](repeating: 0, count: 20)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { return nil }
    let digits = bytes.prefix(count).prefix { (48...57).contains($0) }
    return digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
  }

  static func failure(_ what: String, code: Int32 = errno) -> StoreStartError {
    let kind: StoreStartError.Code =
      switch code {
      case ENOSPC, EDQUOT: .diskFull
      case EROFS: .storageReadOnly
      default: .storageIOError
      }
    return StoreStartError(kind, "\(what): \(String(cString: strerror(code))).")
  }

  func release() {
    // First: a child that is being started holds a copy of the descriptor until its exec.
    _ = cplatform_unlock(lockDescriptor)
    close(lockDescriptor)
  }
}
