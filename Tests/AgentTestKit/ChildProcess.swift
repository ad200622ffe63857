import Foundation
import Glibc
import Synchronization

/// A child process, with the members of Foundation's `Process` that the tests use.
///
/// Foundation's own copies directory entries as whole values when it looks for open descriptors, and so reads past the
/// end of its buffer: a run of the tests in eight died of it.
// Unchecked: the settable members are set before `run()` by whoever made the value, and only read after; what changes
// later stands in `state`.
package final class ChildProcess: @unchecked Sendable {
  package enum TerminationReason: Sendable { case exit, uncaughtSignal }

  package struct SpawnFailure: Error, CustomStringConvertible {
    package var description: String
  }

  package var executableURL: URL?
  package var arguments: [String]?
  /// Nil: this process's own.
  package var environment: [String: String]?
  package var currentDirectoryURL: URL?
  /// A `Pipe` or a `FileHandle`; nil: this process's own.
  package var standardInput: Any?
  package var standardOutput: Any?
  package var standardError: Any?
  /// Called once, on a thread of its own, when the child is gone.
  package var terminationHandler: (@Sendable (ChildProcess) -> Void)?

  private struct State {
    var pid: pid_t = 0
    /// As `waitpid` gives it; nil while the child runs.
    var status: Int32?
  }
  private let state = Mutex(State())
  private let isOver = DispatchGroup()

  package init() {}

  package var processIdentifier: Int32 { state.withLock { $0.pid } }
  package var isRunning: Bool { state.withLock { $0.pid != 0 && $0.status == nil } }
  package var terminationReason: TerminationReason { (status & 0x7F) == 0 ? .exit : .uncaughtSignal }
  /// The exit status, or the number of the signal.
  package var terminationStatus: Int32 { (status & 0x7F) == 0 ? (status >> 8) & 0xFF : status & 0x7F }
  private var status: Int32 { state.withLock { $0.status ?? 0 } }

  package func terminate() { kill(processIdentifier, SIGTERM) }

  package func waitUntilExit() { isOver.wait() }

  package func run() throws {
    let path = executableURL?.path ?? ""
    let variables = (environment ?? ProcessInfo.processInfo.environment).map { "\($0)=\($1)" }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let streams: [(Any?, KeyPath<Pipe, FileHandle>)] = [
      (standardInput, \.fileHandleForReading), (standardOutput, \.fileHandleForWriting),
      (standardError, \.fileHandleForWriting),
    ]
    for (index, (stream, end)) in streams.enumerated() {
      Self.redirect(Int32(index), to: (stream as? Pipe)?[keyPath: end] ?? stream as? FileHandle, &actions)
    }
    if let folder = currentDirectoryURL { try Self.changeFolder(&actions, folder.path) }
    try Self.closeOthers(&actions)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A dispatch thread blocks signals, and its child would never hear SIGTERM.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var pid: pid_t = 0
    let code = Self.withStrings([path] + (arguments ?? [])) { arguments in
      Self.withStrings(variables) { posix_spawn(&pid, path, &actions, &attributes, arguments, $0) }
    }
    guard code == 0 else { throw SpawnFailure(description: "\(path): \(String(cString: strerror(code)))") }
    // The child has its copies: a pipe ends when the child's end does.
    for (stream, end) in streams { try (stream as? Pipe)?[keyPath: end].close() }
    watch(pid)
  }

  private func watch(_ pid: pid_t) {
    state.withLock { $0.pid = pid }
    isOver.enter()
    Thread.detachNewThread { [self] in
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
      state.withLock { $0.status = status }
      isOver.leave()
      terminationHandler?(self)
    }
  }

  private static func redirect(
    _ descriptor: Int32, to handle: FileHandle?, _ actions: inout posix_spawn_file_actions_t
  ) {
    guard let handle else { return }
    if handle === FileHandle.nullDevice {
      posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
    } else {
      posix_spawn_file_actions_adddup2(&actions, handle.fileDescriptor, descriptor)
    }
  }

  // Both are GNU's, which the Glibc module does not show (they need _GNU_SOURCE).

  private static func changeFolder(_ actions: inout posix_spawn_file_actions_t, _ path: String) throws {
    typealias Call = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>) -> Int32
    _ = unsafeBitCast(try symbol("posix_spawn_file_actions_addchdir_np"), to: Call.self)(&actions, path)
  }

  private static func closeOthers(_ actions: inout posix_spawn_file_actions_t) throws {
    typealias Call = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
    _ = unsafeBitCast(try symbol("posix_spawn_file_actions_addclosefrom_np"), to: Call.self)(&actions, 3)
  }

  private static func symbol(_ name: String) throws -> UnsafeMutableRawPointer {
    guard let found = dlsym(nil, name) else { throw SpawnFailure(description: "no \(name)") }
    return found
  }

  /// The strings as a C array that ends in a null pointer.
  private static func withStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }
}
