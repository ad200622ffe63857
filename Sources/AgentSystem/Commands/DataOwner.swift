import AgentPersistence
import CPlatform
import Glibc

/// A command that root runs on the data folder becomes the folder's owner first: what it makes there must be the
/// service's own, and root's rights are more than the work needs.
enum DataOwner {
  /// Does nothing for another user, or where the folder is root's or not there. For good: what only root may read is to be
  /// read before.
  ///
  /// - Throws: `data_folder_permissions` when the system refuses.
  static func become(ofFolder path: String) throws(StoreStartError) {
    try change(path, cplatform_become_user)
  }

  /// The same until `endVisit`: for a verb that has something of root's own to finish after it.
  static func visit(ofFolder path: String) throws(StoreStartError) {
    try change(path, cplatform_visit_user)
  }

  /// Root again after a visit. Does nothing where there was none.
  static func endVisit() {
    let code = cplatform_end_visit()
    precondition(code == 0, "root's rights, which this process kept, came back")
  }

  private static func change(_ path: String, _ change: (UInt32, UInt32) -> Int32)
    throws(StoreStartError)
  {
    var status = stat()
    guard geteuid() == 0, stat(path, &status) == 0, status.st_uid != 0 else { return }
    // Its own group, whatever group the folder has: a shared one would be everybody's in it.
    let group = getpwuid(status.st_uid)?.pointee.pw_gid ?? status.st_gid
    let code = change(status.st_uid, group)
    guard code == 0 else {
      throw StoreStartError(
        .dataFolderPermissions,
        "This process cannot become user \(status.st_uid), who owns \(path): \(String(cString: strerror(code))).")
    }
  }

  /// Who owns it; nil where it is not there.
  static func owner(ofFolder path: String) -> UInt32? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_uid : nil
  }
}
