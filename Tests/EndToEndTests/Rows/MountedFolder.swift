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

  /// Whether a file system in a file can be mounted: containers often have no loop devices.
  static let canLoop: Bool = {
    guard isPossible, let folder = try? TemporaryFolder("probe") else { return false }
    let image = folder.appending("image")
    guard FileManager.default.createFile(atPath: image, contents: nil), truncate(image, 1 << 20) == 0,
      (try? run(["mke2fs", "-q", "-t", "ext4", image])) != nil
    else { return false }
    return (try? MountedFolder(at: folder.appending("mount"), "-o", "loop", image)) != nil
  }()

  /// Makes an ext4 file system in a file, and gives the path back.
  static func image(at path: String, megabytes: Int) throws -> String {
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    truncate(path, megabytes << 20)
    try run(["mke2fs", "-q", "-t", "ext4", path])
    return path
  }

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
