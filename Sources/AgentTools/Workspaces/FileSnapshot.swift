import Glibc

/// A file as it was at one moment.
package struct FileSnapshot: Sendable {
  package var bytes: [UInt8]
  package var identity: FileIdentity
  /// The nine permission bits.
  package var permissions: mode_t
}

/// Which file it is and when it last changed: equal means that nobody touched it in between.
package struct FileIdentity: Sendable, Hashable {
  private var device: UInt64
  private var inode: UInt64
  private var size: Int64
  private var modified: Int64
  private var changed: Int64

  package init(_ status: stat) {
    (device, inode, size) = (UInt64(status.st_dev), UInt64(status.st_ino), Int64(status.st_size))
    modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
  }
}
