import AgentConfig
import AgentCore
import ArgumentParser
import Foundation

/// `agent-system sandbox`: the whole service for trying things out, offline, with nothing to configure.
struct SandboxCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sandbox", abstract: "Serves with the offline provider and open loopback TCP, to try things out.",
    discussion: "Everybody on this machine may do everything over loopback: not for anything that matters.")

  @Option(help: "The data folder (default: a folder of yours, which it names).")
  var data: String?
  @Option(help: "HOST:PORT; port 0 takes a free one.")
  var listen = "127.0.0.1:8080"
  @Option(help: "Tasks may be given folders below this one, besides the current directory. May be repeated.")
  var root: [String] = []

  mutating func run() async throws {
    let keys = KeyEnvironment.takenOver()
    let environment = ProcessInfo.processInfo.environment
    let (given, listen) = (data?.absolute, listen)
    let own = Self.ownFolder
    let roots = ["".absolute] + root.map(\.absolute)
    let source = ConfigurationSource(folder: nil) { () throws(ConfigError) in
      var (configuration, issues) = (LoadedConfiguration(), [ConfigIssue]())
      do throws(ConfigError) { configuration = try ConfigFolder.builtIn(environment: environment) } catch {
        issues = error.issues
      }
      guard let address = ServiceFlags.address(listen, &issues), issues.isEmpty else {
        throw ConfigError(issues: issues)
      }
      // Whatever keys are set.
      (configuration.providers.defaultID, configuration.providers.namedDefault) = ("sandbox", nil)
      configuration.set("providers.yaml", "default", "sandbox", nil)
      configuration.permissions.openLocal()
      configuration.set("permissions.yaml", "roles.local", ["*"], nil)
      configuration.server.listen = [address]
      configuration.set("server.yaml", "listen", .array([.string(listen)]), "--listen")
      configuration.server.workspaceRoots = roots
      configuration.set("server.yaml", "workspace_roots", .array(roots.map(JSONValue.string)), "--root")
      if given == nil, configuration.server.data != ServerSettings().data { return configuration }
      configuration.server.data = given ?? own
      configuration.set("server.yaml", "data", .string(configuration.server.data), given == nil ? nil : "--data")
      return configuration
    }
    try await ServiceRun.toItsEnd { () throws(StartFailure) in
      let configuration: LoadedConfiguration
      do throws(ConfigError) { configuration = try source.load() } catch { throw StartFailure(error) }
      let folder = configuration.server.data
      if given == nil { ProcessStream.error.write("agent-system: data in \(folder)\n") }
      do {
        // Private from the start: the store refuses a folder that others can open.
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      } catch {
        throw StartFailure("data_folder_permissions", "\(folder) cannot be made: \(error.localizedDescription)")
      }
      return ServiceSettings(
        configuration: configuration, source: source, isSandbox: true, socket: nil, logFolder: folder + "/log",
        keys: keys)
    }
  }

  /// XDG Base Directory Specification: `$XDG_DATA_HOME`, else `~/.local/share`.
  private static var ownFolder: String {
    let environment = ProcessInfo.processInfo.environment
    let home = environment["HOME"] ?? NSHomeDirectory()
    let base = environment["XDG_DATA_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? home + "/.local/share"
    return base + "/agent-system/sandbox"
  }
}

extension LoadedConfiguration {
  /// Notes what the command decides; without a flag it is the command's own default.
  fileprivate mutating func set(_ file: String, _ key: String, _ value: JSONValue, _ flag: String?) {
    values.set(ConfigValue(file: file, key: key, value: value, source: flag.map { .flag($0) } ?? .builtIn))
  }
}
