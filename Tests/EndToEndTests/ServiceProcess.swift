import AgentCore
import AgentTestKit
import Foundation
import Glibc
import HTTPTransport
import Synchronization

/// The real binary, started in folders of its own, spoken to over its unix socket (or loopback TCP).
final class ServiceProcess: Sendable {
  struct NotReady: Error, CustomStringConvertible {
    var description: String
  }

  /// Where the test's build put `agent-system`: beside the test bundle.
  static var binary: URL {
    let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    return bundle.appendingPathComponent("agent-system")
  }

  let folder: TemporaryFolder
  let transport: CurlTransport
  private let process: ChildProcess
  private let output: OutputLines
  private let errors: OutputLines

  var socket: String { folder.appending("api.sock") }
  var data: String { folder.appending("data") }
  var configuration: String { folder.appending("config") }

  /// `files`: configuration by name. The folder is kept by the caller across starts. `prefix`: the command that starts
  /// the binary in its own place, given its path and arguments; its first word is a path.
  static func serve(
    in folder: TemporaryFolder, files: [String: String] = [:], environment: [String: String] = [:],
    arguments: [String] = [], binary: URL = ServiceProcess.binary, prefix: [String] = []
  ) async throws -> ServiceProcess {
    let configuration = folder.appending("config")
    try FileManager.default.createDirectory(atPath: configuration, withIntermediateDirectories: true)
    for (name, text) in granting(files) {
      try Data(text.utf8).write(to: URL(fileURLWithPath: configuration + "/" + name))
    }
    let command = prefix + [binary.path]
    let service = try ServiceProcess(
      folder: folder, environment: environment,
      arguments: command.dropFirst() + [
        "serve", "--config", configuration, "--data", folder.appending("data"), "--log-dir", folder.appending("log"),
        "--listen", "127.0.0.1:0", "--socket", folder.appending("api.sock"),
      ] + arguments, binary: URL(fileURLWithPath: command[0]))
    _ = try await service.address()
    return service
  }

  /// With a role `agent` that may use `http.request`, where some file names that tool and no role is given: as installed
  /// it may not.
  private static func granting(_ files: [String: String]) -> [String: String] {
    guard files["permissions.yaml"] == nil, files.values.contains(where: { $0.contains("http.request") }) else {
      return files
    }
    let role = "roles: {agent: [task:execute, file:read, file:write, http:request]}\n"
    return files.merging(["permissions.yaml": role]) { $1 }
  }

  static func sandbox(in folder: TemporaryFolder, arguments: [String] = []) async throws -> ServiceProcess {
    let service = try ServiceProcess(
      folder: folder, environment: [:],
      arguments: ["sandbox", "--data", folder.appending("data"), "--listen", "127.0.0.1:0"] + arguments)
    _ = try await service.address()
    return service
  }

  init(
    folder: TemporaryFolder, environment: [String: String], arguments: [String], binary: URL = ServiceProcess.binary,
    currentFolder: String? = nil
  ) throws {
    self.folder = folder
    transport = try CurlTransport()
    process = ChildProcess()
    process.executableURL = binary
    process.arguments = arguments
    process.environment = ["PATH": "/usr/bin:/bin", "HOME": folder.path].merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    if let currentFolder { process.currentDirectoryURL = URL(fileURLWithPath: currentFolder) }
    let (out, err) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (out, err)
    (output, errors) = (OutputLines(), OutputLines())
    try process.run()
    output.read(out)
    errors.read(err)
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    transport.shutdown()
  }

  var isRunning: Bool { process.isRunning }
  var pid: Int32 { process.processIdentifier }
  var standardError: String { errors.text }
  var standardOutput: String { output.text }

  /// The address it printed on its first line.
  func address() async throws -> String {
    guard let line = await output.first(where: { $0.hasPrefix("listening on ") }) else {
      throw NotReady(description: "no address; standard error: \(errors.text)")
    }
    return String(line.dropFirst("listening on ".count))
  }

  /// Memory that it has in RAM.
  func residentBytes() throws -> Int {
    let pages = try String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8).split(separator: " ")
    return (pages.count > 1 ? Int(pages[1]) ?? 0 : 0) * sysconf(Int32(_SC_PAGESIZE))
  }

  /// Of user and kernel together, of all its threads, since it began.
  func processorSeconds() throws -> Double {
    let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
    // The name, in brackets, may hold anything; utime and stime are the 14th and 15th field (proc_pid_stat(5)).
    let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
    let ticks = fields.dropFirst(11).prefix(2).compactMap { Double($0) }
    return ticks.reduce(0, +) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Waits until it is gone; its exit status, or the signal's number negated.
  @discardableResult
  func exit() async -> Int32 {
    await output.closed()
    await errors.closed()
    process.waitUntilExit()
    return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
  }

  @discardableResult
  func killed() async -> Int32 {
    signal(SIGKILL)
    return await exit()
  }

  struct Answer {
    var status: Int
    var head: HTTPExchange.Head
    var body: [UInt8]
    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
    var text: String { String(decoding: body, as: UTF8.self) }
  }

  /// Over the unix socket; over loopback TCP with `overTCP`.
  func send(
    _ method: String, _ path: String, _ body: JSONValue? = nil, headers: [(String, String)] = [],
    overTCP: Bool = false
  ) async throws -> Answer {
    var request = HTTPExchange.Request(
      method: method, url: (overTCP ? try await address() : "http://localhost") + path,
      headers: headers + (body == nil ? [] : [("Content-Type", "application/json")]), body: body?.encoded())
    if !overTCP { request.unixSocketPath = socket }
    let response = try await transport.send(request)
    return Answer(status: response.status, head: response.head, body: response.body)
  }

  /// Creates a task and gives its id, `task-1`.
  func create(_ body: JSONValue, headers: [(String, String)] = []) async throws -> String {
    let answer = try await send("POST", "/api/tasks", body, headers: headers)
    guard answer.status == 201, let id = answer.json["id"]?.stringValue else {
      throw NotReady(description: "not created: \(answer.status) \(answer.text)")
    }
    return id
  }

  /// The task once it has ended.
  func ended(_ id: String, overTCP: Bool = false) async throws -> JSONValue {
    for _ in 0..<30 {
      let task = try await send("GET", "/api/tasks/\(id)?wait=10s", overTCP: overTCP).json
      if ["completed", "failed", "cancelled"].contains(task["status"]?.stringValue) { return task }
    }
    throw NotReady(description: "\(id) did not end; standard error: \(errors.text)")
  }
}

/// Lines of a pipe as they come, for one waiter at a time.
final class OutputLines: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    var isClosed = false
    var waiters: [(isMet: @Sendable (String, Bool) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
  }
  private let state = Mutex(State())

  var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }

  /// Reads the pipe to its end on a thread of its own, and closes these lines there. Not by a readability handler:
  /// dispatch's own thread has died of one whose handle went away on another thread.
  func read(_ pipe: Pipe) {
    let handle = pipe.fileHandleForReading
    Thread.detachNewThread { [self] in
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = Glibc.read(handle.fileDescriptor, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        change { $0.bytes.append(contentsOf: buffer[..<count]) }
      }
      change { $0.isClosed = true }
    }
  }

  private func change(_ body: (inout State) -> Void) {
    let ready = state.withLock { state in
      body(&state)
      let text = String(decoding: state.bytes, as: UTF8.self)
      let met = state.waiters.filter { $0.isMet(text, state.isClosed) }
      state.waiters.removeAll { $0.isMet(text, state.isClosed) }
      return met.map(\.continuation)
    }
    for continuation in ready { continuation.resume() }
  }

  /// Returns when `isMet` says so of all the text so far.
  private func wait(_ isMet: @escaping @Sendable (String, Bool) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isReady = state.withLock { state in
        if isMet(String(decoding: state.bytes, as: UTF8.self), state.isClosed) { return true }
        state.waiters.append((isMet, continuation))
        return false
      }
      if isReady { continuation.resume() }
    }
  }

  /// The first whole line that fits; nil when the pipe closed without one.
  func first(where isWanted: @escaping @Sendable (Substring) -> Bool) async -> String? {
    @Sendable func found(_ text: String) -> String? {
      text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().first(where: isWanted).map(String.init)
    }
    await wait { text, isClosed in isClosed || found(text) != nil }
    return found(text)
  }

  func closed() async { await wait { _, isClosed in isClosed } }
}
