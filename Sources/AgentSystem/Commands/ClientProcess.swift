import AgentConfig
import AgentCore
import Glibc
import HTTPTransport

/// Joins client verbs to this process: its arguments' rest, its environment, its terminal, its network.
struct ClientProcess {
  /// Runs the verb and tells its failure on standard error.
  func run(_ command: some ClientCommand) async -> ProcessExit {
    let environment = Self.environment()
    let console = Console.process(environment: environment)
    let input = ClientInput.process()
    do throws(ClientError) {
      let address = try ServerAddress.discovered(
        flag: command.client.server, environment: environment,
        configured: { ConfigFolder.socket(environment: input.environment) }
      ) {
        // A folder that may not be looked into may hold one: asked for, it says what is missing.
        access($0, F_OK) == 0 || errno == EACCES
      }
      let session = ClientSession(
        console: console, api: APIClient(address: address, transport: try Self.transport(for: address)),
        clock: SystemClock(), random: SystemRandom(), isJSON: command.client.json, input: input,
        isServerNamed: command.client.server != nil || environment[ServerAddress.variable]?.isEmpty == false)
      return try await command.execute(session)
    } catch {
      return Self.tell(error, on: console, asJSON: command.client.json)
    }
  }

  /// Says what went wrong, once, and returns the exit code for it; as JSON in one object: the server's own, or
  /// `{"code","detail"}`.
  static func tell(
    _ error: ClientError, on console: Console, asJSON: Bool, exit: ProcessExit? = nil
  ) -> ProcessExit {
    if asJSON {
      console.warn(TerminalText.json(error.json.text))
    } else {
      console.warn("agent-system: " + TerminalText.block(error.sentence))
    }
    return exit ?? ProcessExit(error)
  }

  private static func transport(for address: ServerAddress) throws(ClientError) -> CurlTransport {
    do throws(TransportError) { return try CurlTransport() } catch {
      throw .unreachable(server: "\(address)", detail: error.detail, wasSent: false)
    }
  }

  /// The environment at the start; later changes are nobody's.
  private static func environment() -> [String: String] {
    var result: [String: String] = [:]
    for name in [ServerAddress.variable, "NO_COLOR"] {
      if let value = getenv(name) { result[name] = String(cString: value) }
    }
    return result
  }
}

extension Console {
  /// Standard output and standard error.
  static func process(environment: [String: String]) -> Console {
    var size = winsize()
    let hasSize = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return Console(
      isTerminal: isatty(STDOUT_FILENO) == 1, isInputTerminal: isatty(STDIN_FILENO) == 1,
      columns: hasSize ? Int(size.ws_col) : defaultColumns, environment: environment,
      write: { Self.write($0, to: STDOUT_FILENO) }, writeError: { Self.write($0, to: STDERR_FILENO) })
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
