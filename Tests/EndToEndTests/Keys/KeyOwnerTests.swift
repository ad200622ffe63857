import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// What root does with the keys of a service that runs as another user.
@Suite(.enabled(if: geteuid() == 0, "only root can become others")) struct KeyOwnerTests {
  private static let owner: uid_t = 65_534
  private let rig: KeyRig
  private let master = KeyRig.base64(1)

  init() async throws {
    rig = try KeyRig()
    await rig.stop(try await rig.serve(master: master))
    _ = try await ShellRun.run("/bin/chown", ["-R", "\(Self.owner):\(Self.owner)", rig.data])
    // The owner must be able to get there.
    #expect(chmod(rig.folder.path, 0o755) == 0)
  }

  private func file(_ name: String, of user: uid_t) throws -> String {
    let path = rig.folder.appending(name)
    try Data(master.utf8).write(to: URL(fileURLWithPath: path))
    #expect(chmod(path, 0o400) == 0 && chown(path, user, user) == 0)
    return path
  }

  private func status(_ path: String) -> stat {
    var status = stat()
    #expect(lstat(path, &status) == 0)
    return status
  }

  private func strangers() async throws -> String {
    try await ShellRun.run("/usr/bin/find", [rig.data, "!", "-uid", "\(Self.owner)"]).output
  }

  @Test("recovery use writes the master key to a folder that only root may enter, and it is root's there")
  func output() async throws {
    let code = rig.folder.appending("code.txt")
    #expect(try await rig.verb(["recovery", "new", "--output", code], master: master).status == 0)
    let folder = rig.folder.appending("credentials")
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    let arguments = ["recovery", "use", "--recovery-code-file", code, "--output", folder + "/master.key"]
    let used = try await rig.verb(arguments)
    #expect(used.status == 0, "\(used)")
    let made = status(folder + "/master.key")
    #expect(made.st_uid == 0 && made.st_mode & 0o7777 == 0o400)
    #expect(try String(contentsOfFile: folder + "/master.key", encoding: .utf8) == master + "\n")
    #expect(try await rig.verb(arguments).output.contains("already"))
    // Beside the data it is the service's.
    #expect(try await rig.verb(["recovery", "use", "--recovery-code-file", code]).status == 0)
    #expect(status(rig.key("master.key")).st_uid == Self.owner)
    #expect(try await strangers().isEmpty)
  }

  @Test("root that may not become the folder's owner is told so by its code and in words")
  func confined() async throws {
    let code = rig.folder.appending("code.txt")
    try Data("ABCD".utf8).write(to: URL(fileURLWithPath: code))
    for verb in [["show"], ["recovery", "use", "--recovery-code-file", code]] {
      let run = try await ShellRun.run(
        "/usr/bin/setpriv",
        ["--bounding-set=-setuid,-setgid", ServiceProcess.binary.path, "key"] + verb + ["--data", rig.data],
        environment: rig.environment(master: master))
      #expect(run.status == 1 && run.errors.contains("data_folder_permissions"), "\(run)")
      #expect(run.errors.contains("cannot become user \(Self.owner)"), "\(run)")
      #expect(!run.errors.contains("StoreStartError"), "\(run)")
    }
  }

  @Test("--master-key-file takes root's file and the service's, and no other user's")
  func given() async throws {
    for (user, expected) in [(0, 0), (Self.owner, 0), (12_345, 1)] {
      let path = try file("\(user).key", of: user)
      let run = try await rig.verb(["show", "--master-key-file", path])
      #expect(run.status == expected, "\(user): \(run)")
      if expected != 0 { #expect(run.errors.contains("belongs to user 12345"), "\(run)") }
    }
  }

  @Test("recovery new that fails leaves no file; one that works leaves root's file and the service's box")
  func failed() async throws {
    let code = rig.folder.appending("code.txt")
    let failed = try await rig.verb(["recovery", "new", "--output", code])
    #expect(failed.status == 1 && failed.errors.contains("master_key_missing"), "\(failed)")
    #expect(access(code, F_OK) != 0)
    let made = try await rig.verb(["recovery", "new", "--output", code], master: master)
    #expect(made.status == 0, "\(made)")
    let written = status(code)
    #expect(written.st_uid == 0 && written.st_mode & 0o7777 == 0o600 && written.st_size == 45)
    #expect(status(rig.key("recovery.box")).st_uid == Self.owner)
    #expect(try await strangers().isEmpty)
  }

  @Test("what root makes in the data folder has its owner's group, whatever group the folder has")
  func group() async throws {
    #expect(chown(rig.data, Self.owner, 100) == 0)
    #expect(try await rig.verb(["rotate"], master: master).status == 0)
    #expect(
      try await rig.verb(["recovery", "new", "--output", rig.folder.appending("code")], master: master).status == 0)
    let group = try #require(getpwuid(Self.owner)).pointee.pw_gid
    #expect(group != 100 && status(rig.key("recovery.box")).st_gid == group)
  }
}
