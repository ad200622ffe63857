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
  @Option(help: "HOST:PORT; port 0 takes a free one (default: \(SandboxCommand.usualAddress)).")
  var listen: String?
  @Option(help: "Tasks may be given folders below this one, besides the current directory. May be repeated.")
  var root: [String] = []

  private static let usualAddress = "127.0.0.1:8080"

  mutating func run() async throws {
    let keys = KeyEnvironment.takenOver()
    let environment = ProcessInfo.processInfo.environment.merging(ForeignVariables.removed) { $1 }
    let order = Order(data: data.map(ServiceFlags.path), listen: listen, roots: root.map(ServiceFlags.path))
    let source = ConfigurationSource(folder: nil) { () throws(ConfigError) in try order.load(environment) }
    try await ServiceRun.toItsEnd { () throws(StartFailure) in
      let configuration: LoadedConfiguration
      do throws(ConfigError) { configuration = try source.load() } catch { throw StartFailure(error) }
      let folder = configuration.server.data
      if order.data == nil { ProcessStream.error.write("agent-system: data in \(folder)\n") }
      do {
        // Private from the start: the store refuses a folder that others can open.
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      } catch {
        throw StartFailure("data_folder_permissions", "\(folder) cannot be made: \(error.localizedDescription)")
      }
      return ServiceSettings(
        configuration: configuration, source: source, isSandbox: true, socket: nil,
        logFolder: configuration.server.log.folder, keys: keys)
    }
  }

  /// What was given, with the directory and the folder of the start, whatever a reload finds.
  private struct Order: Sendable {
    var data: String?
    var listen: String?
    var roots: [String]
    private let current = "".absolute
    private let own = SandboxCommand.ownFolder

    init(data: String?, listen: String?, roots: [String]) {
      (self.data, self.listen, self.roots) = (data, listen, roots)
    }

    /// The built-in defaults under the environment, and over both what makes a sandbox.
    func load(_ environment: [String: String]) throws(ConfigError) -> LoadedConfiguration {
      var (configuration, issues) = (LoadedConfiguration(), [ConfigIssue]())
      do throws(ConfigError) { configuration = try ConfigFolder.builtIn(environment: environment) } catch {
        issues = error.issues
      }
      var addresses: [ListenAddress] = []
      let paths =
        [data].compactMap { $0 }.map { ("--data", "data", $0) } + roots.map { ("--root", "workspace_roots", $0) }
      for (flag, key, path) in paths {
        ServiceFlags.collect(&issues) { () throws(ConfigError) in
          try ServerSettings.checkPath(path, flag: flag, key: key)
        }
      }
      let address = listen ?? SandboxCommand.usualAddress
      ServiceFlags.collect(&issues) { () throws(ConfigError) in
        addresses = try ServerSettings.listeners([address], flag: "--listen")
      }
      guard issues.isEmpty else { throw ConfigError(issues: issues) }
      // Whatever keys are set.
      (configuration.providers.defaultID, configuration.providers.namedDefault) = ("sandbox", nil)
      configuration.set("providers.yaml", "default", "sandbox", .builtIn)
      configuration.permissions.openLocal()
      configuration.set("permissions.yaml", "roles.local", ["*"], .builtIn)
      configuration.server.listen = addresses
      configuration.set(
        "server.yaml", "listen", .array([.string(address)]), listen == nil ? .builtIn : .flag("--listen"))
      configuration.server.workspaceRoots = [current] + roots
      configuration.set(
        "server.yaml", "workspace_roots", .array(configuration.server.workspaceRoots.map(JSONValue.string)),
        roots.isEmpty ? .builtIn : .flag("--root"))
      // Callers come over loopback alone.
      configuration.set("server.yaml", "socket", .null, .builtIn)
      setFolders(&configuration)
      return configuration
    }

    /// The log lies in the data folder.
    private func setFolders(_ configuration: inout LoadedConfiguration) {
      var source = configuration.values.first { $0.file == "server.yaml" && $0.key == "data" }?.source ?? .builtIn
      if let data { (configuration.server.data, source) = (data, .flag("--data")) }
      // DATABASE_URL names no folder either.
      if source == .builtIn { configuration.server.data = own }
      configuration.set("server.yaml", "data", .string(configuration.server.data), source)
      configuration.server.log.folder = configuration.server.data + "/log"
      configuration.set("server.yaml", "log.folder", .string(configuration.server.log.folder), source)
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
  fileprivate mutating func set(
    _ file: String, _ key: String, _ value: JSONValue, _ source: ConfigValue.Source
  ) {
    values.set(ConfigValue(file: file, key: key, value: value, source: source))
  }
}
