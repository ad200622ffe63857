import AgentConfig
import AgentCore

/// Everything that a client verb needs from the world.
struct ClientSession: Sendable {
  let console: Console
  let api: APIClient
  let clock: any WallClock
  let random: any RandomSource
  /// Print JSON instead of tables.
  let isJSON: Bool
  let input: ClientInput
  /// By the flag or the variable: then no other server, and nothing else, will do.
  var isServerNamed = false

  /// Prints the answer as one line when JSON is asked for; says whether it did.
  func showJSON(_ json: JSONValue) throws(ClientError) -> Bool {
    if isJSON { try console.showJSON(json) }
    return isJSON
  }
}

/// What a verb reads besides its arguments.
struct ClientInput: Sendable {
  /// Relative paths lie below it.
  var folder: String
  /// A whole file's bytes, at most `limit`. Throws `usage` for what cannot be read or is longer.
  var file: @Sendable (_ path: String, _ limit: Int) throws(ClientError) -> [UInt8]
  /// All of standard input, likewise.
  var standardInput: @Sendable (_ limit: Int) throws(ClientError) -> [UInt8]
  /// Each Ctrl-C, from the call on; until then, and after the stream is let go, Ctrl-C ends the process.
  var interrupts: @Sendable () -> AsyncStream<Void>
  /// The next line that is typed; nil at the end of input or when the caller is cancelled.
  var typedLine: @Sendable () async -> String?
  /// The same, and the terminal does not show what is typed; nil: as `typedLine`.
  var typedSecret: (@Sendable () async -> String?)?
  /// This process's variables, for verbs that can do without a server.
  var environment: [String: String] = [:]
  /// The installed folder of configuration files, for the same verbs.
  var configuration = ConfigFolder.defaultPath
}
