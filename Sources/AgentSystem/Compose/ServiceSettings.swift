import AgentConfig
import AgentCore
import AgentRuntime

/// How one process serves: the configuration with the flags laid over it, and what only a command decides.
struct ServiceSettings: Sendable {
  var configuration: LoadedConfiguration
  /// The same, read again: what a reload, an agent's restart, `config show` and `config check` take.
  var source: ConfigurationSource
  /// `sandbox`: loopback TCP may do everything, the default provider is the offline one.
  var isSandbox: Bool
  /// Nil: no unix socket.
  var socket: String?
  /// Nil: standard error alone.
  var logFolder: String?
  var keys = KeyEnvironment()

  /// For the log, where nobody has chosen the offline provider but it answers all the same. `id`: the default in force.
  func offlineNote(whileDefault id: ProviderID) -> String? {
    let providers = configuration.providers
    guard !isSandbox, providers.namedDefault == nil, id == providers.defaultID,
      case .sandbox(nil)? = providers.providers
        .first(where: { $0.id == providers.defaultID })?.kind
    else { return nil }
    return
      "no provider has a key (OPENAI_API_KEY, ANTHROPIC_API_KEY, providers.yaml): the offline sandbox is the default"
  }

  /// What no task may be given as its folder, nor a folder that holds it or lies in it: whoever writes there would write
  /// the service's own rights. The socket itself and not its folder, which may be a shared one such as `/run`: a folder
  /// beside the socket reaches nothing.
  var protectedPaths: [String] {
    [configuration.server.data]
      + [source.folder, logFolder, socket, configuration.server.masterKeyFile].compactMap(\.self)
  }
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
