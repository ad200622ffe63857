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
    var status = stat()
    guard geteuid() == 0, stat(path, &status) == 0, status.st_uid != 0 else { return }
    let code = cplatform_become_user(status.st_uid, status.st_gid)
    guard code == 0 else {
      throw StoreStartError(
        .dataFolderPermissions,
        "This process cannot become user \(status.st_uid), who owns \(path): \(String(cString: strerror(code))).")
    }
  }
}
