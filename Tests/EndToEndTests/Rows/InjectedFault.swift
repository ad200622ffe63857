import AgentTestKit
import Foundation
import Glibc

/// System calls of a running service that fail or are slow, by strace: from when the value is made until `end`.
final class InjectedFault: Sendable {
  private let strace = ChildProcess()
  private let messages = OutputLines()

  static let program = "/usr/bin/strace"
  static let whyNot = "strace is not here, or may not trace"

  /// Whether this user may attach to a process that is no child of strace's.
  static let isPossible: Bool = {
    let (process, input) = (ChildProcess(), Pipe())
    process.executableURL = URL(fileURLWithPath: "/bin/cat")
    process.standardInput = input
    process.standardOutput = FileHandle.nullDevice
    guard FileManager.default.isExecutableFile(atPath: program), (try? process.run()) != nil else { return false }
    defer {
      try? input.fileHandleForWriting.close()
      process.waitUntilExit()
    }
    let tracer = ChildProcess()
    tracer.executableURL = URL(fileURLWithPath: program)
    tracer.arguments = ["-o", "/dev/null", "-p", "\(process.processIdentifier)"]
    let errors = Pipe()
    tracer.standardError = errors
    guard (try? tracer.run()) != nil else { return false }
    let first = String(decoding: errors.fileHandleForReading.availableData, as: UTF8.self)
    kill(tracer.processIdentifier, SIGTERM)
    tracer.waitUntilExit()
    return first.contains("attached")
  }()

  /// `calls`: as strace's `trace=` takes them. `what`: as `inject=…:` does, `error=EIO`; nil only looks. `paths`: only
  /// calls on these files; none: on all. `log`: where strace writes what it saw. `threads`: only of threads whose name
  /// begins so. Returns once every thread is attached.
  init(
    _ service: ServiceProcess, _ calls: String, _ what: String?, paths: [String] = [], log: String = "/dev/null",
    threads: String? = nil
  ) async throws {
    let whom = try threads.map { try Self.threads(of: service.pid, named: $0) } ?? ["-f", "-p", "\(service.pid)"]
    strace.executableURL = URL(fileURLWithPath: Self.program)
    strace.arguments =
      whom + ["-y", "-o", log, "-e", "trace=\(calls)"]
      + (what.map { ["-e", "inject=\(calls):\($0)"] } ?? []) + paths.flatMap { ["-P", $0] }
    let errors = Pipe()
    strace.standardError = errors
    try strace.run()
    messages.read(errors)
    guard await messages.first(where: { $0.contains("attached") }) != nil else {
      throw ServiceProcess.NotReady(description: "strace: \(messages.text)")
    }
  }

  private static func threads(of process: Int32, named prefix: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task").filter {
      try String(contentsOfFile: "/proc/\(process)/task/\($0)/comm", encoding: .utf8).hasPrefix(prefix)
    }.flatMap { ["-p", $0] }
  }

  deinit {
    // Not SIGKILL: strace lets its threads go before it does.
    if strace.isRunning { kill(strace.processIdentifier, SIGTERM) }
  }

  /// Returns when the service runs as before.
  func end() async {
    kill(strace.processIdentifier, SIGTERM)
    await messages.closed()
  }
}
