import Glibc

/// Room on the data folder's file system that neither tools nor uploads may use: results, cancels and cleanup go on from
/// it while somebody makes room.
package struct DiskReserve: Sendable {
  private let folder: String
  private let bytes: Int64

  /// `folder`: the data folder. `bytes`: what stays free for others than tools; the store's own bound.
  package init(folder: String, bytes: Int64) { (self.folder, self.bytes) = (folder, bytes) }

  /// Throws `disk_full` unless `size` more bytes leave the reserve whole. `place` is an opened folder that they go to:
  /// on a file system other than the data folder's they take nothing of the reserve, and its own end is its bound.
  ///
  /// Several that ask at once may each be told yes: what they take over is at most a few files, and the reserve holds it.
  func requireRoom(for size: Int, in place: borrowing OwnedDescriptor, _ what: String) throws(WorkspaceError) {
    var data = stat()
    guard stat(folder, &data) == 0 else { throw WorkspaceError(errno: errno, folder) }
    guard try place.status(what).st_dev == data.st_dev else { return }
    var disk = statvfs()
    guard fstatvfs(place.number, &disk) == 0 else { throw WorkspaceError(errno: errno, what) }
    let (free, isHuge) = Int64(clamping: disk.f_bavail).multipliedReportingOverflow(by: Int64(clamping: disk.f_frsize))
    guard isHuge || free - Int64(size) >= bytes else {
      throw WorkspaceError(
        .diskFull, "\(what): \(bytes >> 20) MiB of the disk are kept for work in hand, and \(free >> 20) MiB are free")
    }
  }
}
