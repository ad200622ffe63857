import AgentCore
import AgentTestKit
import HTTPTransport
import Synchronization

@testable import AgentSystem

/// Collects what a verb writes.
final class CapturedOutput: Sendable {
  private struct State {
    var output: [UInt8] = []
    var errors: [UInt8] = []
  }
  private let state = Mutex(State())
  /// Standard output refuses everything past so many bytes, as a full disk does.
  private let capacity: Int

  init(capacity: Int = .max) { self.capacity = capacity }

  var bytes: [UInt8] { state.withLock(\.output) }
  var text: String { String(decoding: bytes, as: UTF8.self) }
  var errors: String { String(decoding: state.withLock(\.errors), as: UTF8.self) }
  var lines: [String] { text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) }

  func console(
    isTerminal: Bool = false, isInputTerminal: Bool? = nil, columns: Int = 80, environment: [String: String] = [:]
  ) -> Console {
    Console(
      isTerminal: isTerminal, isInputTerminal: isInputTerminal ?? isTerminal, columns: columns,
      environment: environment,
      write: { [self] bytes in
        state.withLock { state in
          guard state.output.count + bytes.count <= capacity else { return false }
          state.output += bytes
          return true
        }
      },
      writeError: { [self] bytes in
        state.withLock { $0.errors += bytes }
        return true
      })
  }
}

/// A clock whose sleeps are over at once; it keeps how long they would have been.
final class InstantClock: WallClock {
  private let state = Mutex<[Duration]>([])
  var sleeps: [Duration] { state.withLock { $0 } }
  func now() -> Timestamp { Timestamp(milliseconds: 1_700_000_000_000) }
  func uptime() -> Duration { .zero }
  func sleep(for duration: Duration) async throws { state.withLock { $0.append(duration) } }
}

/// A verb's world in a test.
struct SessionFixture {
  let output: CapturedOutput
  let clock = InstantClock()
  var session: ClientSession
  private let transport: CurlTransport

  init(
    _ address: ServerAddress, isJSON: Bool = false, isTerminal: Bool = false, output: CapturedOutput = CapturedOutput(),
    environment: [String: String] = ["NO_COLOR": "1"], input: ClientInput = .nothing
  ) throws {
    self.output = output
    transport = try CurlTransport()
    session = ClientSession(
      console: output.console(isTerminal: isTerminal, environment: environment),
      api: APIClient(address: address, transport: transport), clock: clock, random: SeededRandom(seed: 7),
      isJSON: isJSON, input: input)
  }

  init(
    _ server: ScriptedServer, isJSON: Bool = false, isTerminal: Bool = false,
    output: CapturedOutput = CapturedOutput(), input: ClientInput = .nothing
  ) throws {
    try self.init(.url(server.url), isJSON: isJSON, isTerminal: isTerminal, output: output, input: input)
  }

  /// What the process would exit with, told on standard error as it tells it.
  func run(_ command: some ClientCommand) async -> ProcessExit {
    do throws(ClientError) { return try await command.execute(session) } catch {
      return ClientProcess.tell(error, on: session.console, asJSON: session.isJSON)
    }
  }
}

extension ClientInput {
  /// No files, an empty standard input, nobody at the keyboard.
  static var nothing: ClientInput { input() }

  static func input(
    files: [String: [UInt8]] = [:], standardInput: String = "",
    interrupts: @escaping @Sendable () -> AsyncStream<Void> = { AsyncStream { $0.finish() } },
    typedLine: @escaping @Sendable () async -> String? = { nil }
  ) -> ClientInput {
    ClientInput(
      folder: "/home/ann/project",
      file: { (path, limit) throws(ClientError) in
        guard let bytes = files[path] else { throw .usage("\(path): no such file") }
        guard bytes.count <= limit else { throw .usage("\(path) is longer than \(limit) bytes") }
        return bytes
      },
      standardInput: { (_) throws(ClientError) in Array(standardInput.utf8) },
      interrupts: interrupts, typedLine: typedLine)
  }
}
