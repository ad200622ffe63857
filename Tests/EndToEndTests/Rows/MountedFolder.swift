import AgentTestKit
import Foundation
import Glibc

/// A file system of its own for a test that runs as root, unmounted with the value.
final class MountedFolder: Sendable {
  let path: String

  /// Whether this user may mount at all.
  static let isPossible: Bool = {
    guard geteuid() == 0, let folder = try? TemporaryFolder("probe") else { return false }
    return (try? MountedFolder(at: folder.path, "-t", "tmpfs", "-o", "size=1m", "tmpfs")) != nil
  }()

  /// Whether it may mount files as disks as well.
  static let canMountImages: Bool = {
    guard geteuid() == 0, let folder = try? TemporaryFolder("probe") else { return false }
    let image = folder.appending("disk.img")
    return (try? run(["truncate", "-s", "4M", image])) != nil && (try? run(["mke2fs", "-q", image])) != nil
      && (try? MountedFolder(at: folder.appending("disk"), "-o", "loop", image)) != nil
  }()

  init(at path: String, _ arguments: String...) throws {
    self.path = path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try Self.run(["mount"] + arguments + [path])
  }

  deinit {
    // Lazily, since a test that failed may have left a file open; a mount that is gone already is no failure.
    try? Self.run(["umount", "-l", path])
  }

  static func run(_ arguments: [String]) throws {
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    (process.standardError, process.standardOutput) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw POSIXError(.EPERM) }
  }
}
