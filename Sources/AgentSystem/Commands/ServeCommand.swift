import AgentAPI
import AgentConfig
import AgentRuntime
import ArgumentParser
import CPlatform
import Foundation
import UnixSignals

/// `agent-system serve`: the service as installed.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serves tasks until it is told to stop.",
    discussion: """
      Loopback TCP may read the agents' status and the health routes; the unix socket, where the kernel names the \
      caller, does everything. SIGTERM stops claiming, lets steps in hand finish (20 s) and exits 0; a second one cuts \
      them at once. SIGHUP reopens app.log and reloads \(ConfigWords.reloadable) from the files (as \
      `agent-system reload` does): all or nothing, and the log says what needs a restart. Flags stand above the \
      environment, that above the files.
      """)

  @Option(help: "The folder of \(ConfigWords.files) (default: /etc/agent-system, if it is there).")
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
    // Relative paths mean the directory of the start, whatever a reload finds.
    let flags = ServiceFlags(
      config: config, data: data.map(ServiceFlags.path), logFolder: logDir.map(ServiceFlags.path), listen: listen,
      socket: socket.map(ServiceFlags.path))
    let keys = KeyEnvironment.takenOver()
    let environment = ProcessInfo.processInfo.environment.merging(ForeignVariables.removed) { $1 }
    let source = ConfigurationSource(
      folder: flags.folder, load: { () throws(ConfigError) in try flags.load(environment) })
    try await ServiceRun.toItsEnd { () throws(StartFailure) in
      do throws(ConfigError) {
        let configuration = try source.load()
        return ServiceSettings(
          configuration: configuration, source: source, isSandbox: false,
          socket: configuration.server.socket.absolute, logFolder: configuration.server.log.folder.absolute, keys: keys)
      } catch {
        throw StartFailure(error)
      }
    }
  }
}

/// What `serve` and `sandbox` share: settings, then the service, then the exit code.
enum ServiceRun {
  /// glibc's own bound before it moves it, in bytes.
  private static let largeBlock = 128 * 1024

  static func toItsEnd(_ settings: () throws(StartFailure) -> ServiceSettings) async throws {
    // First of all: nothing else has begun yet that may read the environment.
    let unit = UnitLink.takenOver()
    StartWatch.begin(for: unit)
    // A reader that goes away shows in what is written to it, and ends nothing.
    signal(SIGPIPE, SIG_IGN)
    // Else the largest answer of a model would stay in the process for good. Where the library cannot, it does so.
    _ = cplatform_give_back_large_blocks(largeBlock)
    // From here on: one that comes before the service is ready is acted on then, and ends nothing.
    let hangups = await UnixSignalsSequence(trapping: .sighup)
    do throws(StartFailure) {
      try await ServiceComposition(try settings(), hangups: hangups, unit: unit).run { address in
        // One line an address; a test, or a script, reads the port from the first.
        ProcessStream.output.write("listening on \(address)\n")
      }
    } catch {
      for line in error.lines { ProcessStream.error.write("agent-system: \(line)\n") }
      // What `systemctl status` shows of a unit that failed.
      if let line = error.lines.first { unit.tell(.status(line)) }
      throw ExitCode(error.exit.rawValue)
    }
  }
}

extension String {
  /// The path made absolute against the current directory, `.` and `..` resolved by name.
  var absolute: String { URL(fileURLWithPath: self).standardizedFileURL.path }
}
