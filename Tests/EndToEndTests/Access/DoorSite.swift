import AgentTestKit
import Foundation
import Glibc
import Testing

/// A service that runs as a user of its own, on a machine that has the group `agent-system`: as the package installs it.
/// Users and groups are numbers that no account has; `/etc/group` is the process's own, the machine's stays as it is.
struct DoorSite {
  static let user: UInt32 = 64_243
  static let group: UInt32 = 64_242
  /// Neither.
  static let stranger: UInt32 = 64_999

  let folder: TemporaryFolder
  let service: ServiceProcess

  init(files: [String: String] = [:]) async throws {
    try #require(geteuid() == 0, "the test takes the parts of several users, which only root can")
    folder = try TemporaryFolder("door")
    // Others must reach the socket in it, and the service's user must be able to make it.
    try #require(chmod(folder.path, 0o755) == 0 && chown(folder.path, Self.user, Self.group) == 0)
    let groups = folder.appending("group")
    let text = try String(contentsOfFile: "/etc/group", encoding: .utf8)
      .split(separator: "\n").filter { !$0.hasPrefix("agent-system:") }
    try Data((text.joined(separator: "\n") + "\nagent-system:x:\(Self.group):\n").utf8)
      .write(to: URL(fileURLWithPath: groups))
    // The binary may lie where only root may look.
    let binary = folder.appending("agent-system")
    try #require(FileManager.default.createFile(atPath: binary, contents: nil))
    let script = """
      mount --bind '\(groups)' /etc/group && mount --bind '\(ServiceProcess.binary.path)' '\(binary)' &&
      exec setpriv --reuid=\(Self.user) --regid=\(Self.group) --clear-groups "$@"
      """
    service = try await ServiceProcess.serve(
      in: folder, files: files, binary: URL(fileURLWithPath: binary),
      prefix: ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, "sh"])
  }
}
