import Glibc

/// The first 100 bytes of an SQLite database (https://www.sqlite.org/fileformat2.html section 1.3), read before SQLite
/// has touched the file.
struct DatabaseHeader: Sendable, Hashable {
  var isWAL: Bool
  var userVersion: UInt32
  var applicationID: UInt32

  /// Nil for bytes that no database begins with.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= Self.byteCount, bytes.starts(with: Array("SQLite format 3\0".utf8)) else { return nil }
    func number(at offset: Int) -> UInt32 {
      bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
    let pageSize = Int(bytes[16]) << 8 | Int(bytes[17])
    // 1 stands for 65,536.
    guard pageSize == 1 || (pageSize >= 512 && pageSize & (pageSize - 1) == 0) else { return nil }
    isWAL = bytes[18] == 2 || bytes[19] == 2
    userVersion = number(at: 60)
    applicationID = number(at: 68)
  }

  static let byteCount = 100
}

/// The one descriptor of `agent.db` that is ours: opened before SQLite, and never closed while this process may still
/// have SQLite's connections to the file.
///
/// Closing any descriptor of the file drops all POSIX locks of the process on it, SQLite's too: another process could
/// then commit over ours, or delete the live WAL. So there is one, and it stays until the process ends.
struct KeptDescriptor: Sendable {
  let descriptor: Int32

  /// Nil when there is no file and none was to be made.
  init?(_ path: String, creating: Bool) throws(StoreStartError) {
    let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW
    let opened = creating ? open(path, flags | O_CREAT, 0o600) : open(path, flags)
    if opened < 0, errno == ENOENT { return nil }
    guard opened >= 0 else { throw DataFolder.failure("The database \(path) cannot be opened") }
    descriptor = opened
  }

  /// The file's length in bytes.
  func byteCount() throws(StoreStartError) -> Int64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw DataFolder.failure("The database cannot be looked at") }
    return Int64(status.st_size)
  }

  /// The file's first bytes, at most `count`.
  func read(_ count: Int) throws(StoreStartError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let got = pread(descriptor, &bytes, count, 0)
    guard got >= 0 else { throw DataFolder.failure("The database cannot be read") }
    return Array(bytes.prefix(got))
  }

  /// Only once all of SQLite's connections to the file are known to be closed, and the folder's lock is still held:
  /// then there is no lock that could be dropped.
  func closeAfterConnections() { close(descriptor) }

  /// True when the file that lies at the path is the one that was opened: not moved away, not replaced.
  func isFile(at path: String) -> Bool {
    var (ours, found) = (stat(), stat())
    guard fstat(descriptor, &ours) == 0, stat(path, &found) == 0 else { return false }
    return ours.st_dev == found.st_dev && ours.st_ino == found.st_ino
  }

  static func isPresent(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
