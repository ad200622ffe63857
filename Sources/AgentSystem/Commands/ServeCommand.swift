import AgentAPI
import AgentConfig
import AgentRuntime
import ArgumentParser
import Foundation

/// `agent-system serve`: the service as installed.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serves tasks until it is told to stop.",
    discussion: """
      Loopback TCP may read the agents' status and the health routes; the unix socket, where the kernel names the \
      caller, does everything. SIGTERM stops claiming, lets steps in hand finish (20 s) and exits 0; a second one cuts \
      them at once. SIGHUP reopens app.log.
      """)

  @Option(
    help: "The folder of server.yaml, agents.yaml and providers.yaml (default: /etc/agent-system, if it is there).")
  var config: String?
  @Option(help: "The data folder.")
  var data: String?
  @Option(name: .customLong("log-dir"), help: "The folder of app.log.")
  var logDir: String?
  @Option(help: "HOST:PORT; port 0 takes a free one. May be repeated.")
  var listen: [String] = []
  @Option(help: "The unix socket's path.")
  var socket: String?

  mutating func run() async throws {
    try await ServiceRun.toItsEnd { () throws(StartFailure) in
      do throws(ConfigError) {
        var configuration = try ConfigFolder.load(config)
        if let data { configuration.server.data = data.absolute }
        if !listen.isEmpty {
          configuration.server.listen = []
          for text in listen { configuration.server.listen.append(try ListenAddress.parse(text, flag: "--listen")) }
        }
        let folder = config
        return ServiceSettings(
          configuration: configuration,
          rereadAgents: { () throws(ServiceError) in
            do throws(ConfigError) { return try ConfigFolder.load(folder).agents } catch {
              throw ServiceError("config_invalid", error.description)
            }
          }, isSandbox: false, socket: (socket ?? configuration.server.socket).absolute,
          logFolder: (logDir ?? configuration.server.log.folder).absolute,
          configFolder: (folder ?? ConfigFolder.defaultPath).absolute)
      } catch {
        throw StartFailure(error)
      }
    }
  }
}

/// What `serve` and `sandbox` share: settings, then the service, then the exit code.
enum ServiceRun {
  static func toItsEnd(_ settings: () throws(StartFailure) -> ServiceSettings) async throws {
    do throws(StartFailure) {
      try await ServiceComposition(try settings()).run { address in
        // One line an address; a test, or a script, reads the port from the first.
        ProcessStream.output.write("listening on \(address)\n")
      }
    } catch {
      for line in error.lines { ProcessStream.error.write("agent-system: \(line)\n") }
      throw ExitCode(error.exit.rawValue)
    }
  }
}

extension String {
  /// The path made absolute against the current directory, `.` and `..` resolved by name.
  var absolute: String { URL(fileURLWithPath: self).standardizedFileURL.path }
}
