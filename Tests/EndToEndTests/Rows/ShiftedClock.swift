import AgentTestKit
import Foundation

/// A service's UTC, moved while it runs, by libfaketime: the clocks that only grow stay as they are.
final class ShiftedClock: Sendable {
  private let folder: TemporaryFolder
  private let keeper = ChildProcess()
  private let input = Pipe()
  private let output = OutputLines()
  /// What the service has to be started with.
  let environment: [String: String]

  static let whyNot = "libfaketime is not here"
  static let isPossible = library != nil && FileManager.default.isExecutableFile(atPath: wrapper)
  private static let wrapper = "/usr/bin/faketime"

  private static let library: String? = {
    let folders = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib")) ?? []
    return folders.map { "/usr/lib/\($0)/faketime/libfaketimeMT.so.1" }.first(where: FileManager.default.fileExists)
  }()

  init() async throws {
    folder = try TemporaryFolder("clock")
    // A wrapper is kept for its shared memory. Without it the library makes its own and puts its name into the
    // environment, which moves that, and Swift no longer finds the arguments of the command line before it.
    keeper.executableURL = URL(fileURLWithPath: Self.wrapper)
    keeper.arguments = ["-f", "+0", "/bin/sh", "-c", "echo \"$FAKETIME_SHARED\"; exec cat"]
    keeper.standardInput = input
    let lines = Pipe()
    keeper.standardOutput = lines
    try keeper.run()
    output.read(lines)
    guard let shared = await output.first(where: { !$0.isEmpty }), let library = Self.library else {
      throw ServiceProcess.NotReady(description: "faketime gives no shared memory")
    }
    environment = [
      "LD_PRELOAD": library, "FAKETIME_SHARED": shared, "FAKETIME_TIMESTAMP_FILE": folder.appending("shift"),
      "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    ]
    try shift(by: 0)
  }

  deinit { try? input.fileHandleForWriting.close() }

  /// So many seconds from the machine's own UTC, from now on.
  func shift(by seconds: Int) throws {
    // As a rename: the library must not read half a number.
    try Data("\(seconds < 0 ? "" : "+")\(seconds)\n".utf8).write(
      to: URL(fileURLWithPath: folder.appending("shift")), options: .atomic)
  }
}
