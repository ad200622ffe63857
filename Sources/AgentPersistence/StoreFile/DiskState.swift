import Glibc

/// What the data folder's file system says of itself.
struct DiskState: Sendable, Hashable {
  /// For an ordinary user.
  var freeBytes: Int64
  var isReadOnly: Bool

  init(freeBytes: Int64, isReadOnly: Bool) { (self.freeBytes, self.isReadOnly) = (freeBytes, isReadOnly) }

  /// Nil when the folder cannot be asked.
  init?(folder: String) {
    var answer = statvfs()
    guard statvfs(folder, &answer) == 0 else { return nil }
    let (bytes, overflow) = Int64(clamping: answer.f_bavail)
      .multipliedReportingOverflow(by: Int64(clamping: answer.f_frsize))
    freeBytes = overflow ? .max : bytes
    isReadOnly = answer.f_flag & UInt(ST_RDONLY) != 0
  }
}
