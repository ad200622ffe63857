import AgentConfig
import AgentCore
import AgentRuntime

/// How one process serves: the configuration with the flags laid over it, and what only a command decides.
struct ServiceSettings: Sendable {
  var configuration: LoadedConfiguration
  /// The agents as the files have them now: what an agent's restart takes.
  var rereadAgents: @Sendable () throws(ServiceError) -> [AgentDefinition]
  /// `sandbox`: loopback TCP may do everything, the default provider is the offline one.
  var isSandbox: Bool
  /// Nil: no unix socket.
  var socket: String?
  /// Nil: standard error alone.
  var logFolder: String?
  /// The folder that the configuration was read from, as an absolute path. Nil: there is none.
  var configFolder: String?

  /// What no task may be given as its folder, nor a folder that holds it or lies in it: whoever writes there would write
  /// the service's own rights. The socket itself and not its folder, which may be a shared one such as `/run`: a folder
  /// beside the socket reaches nothing.
  var protectedPaths: [String] { [configuration.server.data] + [configFolder, logFolder, socket].compactMap(\.self) }
}

/// Why the service did not start, or ended: one line for people, and the process's exit code.
struct StartFailure: Error, Sendable {
  var lines: [String]
  var exit: ProcessExit

  init(_ code: String, _ detail: String, exit: ProcessExit = .failed) {
    (lines, self.exit) = (["\(code): \(detail)"], exit)
  }

  init(_ error: ConfigError) { (lines, exit) = (error.issues.map(\.description), .configuration) }
}
