import AgentConfig
import AgentCore

/// The flags of `serve` that stand above environment and files.
struct ServiceFlags: Sendable {
  var config: String?
  var data: String?
  var logFolder: String?
  var listen: [String] = []
  var socket: String?

  /// The folder to read: as it was given for messages, absolute for what outlives the current directory.
  var folder: String { (config ?? ConfigFolder.defaultPath).absolute }

  /// Reads folder and environment, and lays the flags over both. May be repeated: each time reads the files anew. Throws
  /// what is wrong with all of them at once; a flag is held to what the files' key is held to.
  func load(_ environment: [String: String]) throws(ConfigError) -> LoadedConfiguration {
    var (result, issues) = (LoadedConfiguration(), [ConfigIssue]())
    do throws(ConfigError) { result = try ConfigFolder.load(config, environment: environment) } catch {
      issues = error.issues
    }
    for (flag, key, path) in paths {
      Self.collect(&issues) { () throws(ConfigError) in try ServerSettings.checkPath(path, flag: flag, key: key) }
    }
    var addresses: [ListenAddress] = []
    Self.collect(&issues) { () throws(ConfigError) in
      addresses = try ServerSettings.listeners(listen, flag: "--listen")
    }
    if issues.contains(where: { $0.code == .plaintextRefused }), let wide = result.localRoleTooWideIssue {
      issues.append(wide)
    }
    guard issues.isEmpty else { throw ConfigError(issues: issues) }
    for (flag, key, path) in paths {
      switch key {
      case "data": result.server.data = path
      case "socket": result.server.socket = path
      default: result.server.log.folder = path
      }
      set(key, .string(path), flag, &result)
    }
    if !listen.isEmpty {
      result.server.listen = addresses
      set("listen", .array(listen.map(JSONValue.string)), "--listen", &result)
    }
    return result
  }

  /// Those that are given, absolute, with the keys that they stand above.
  private var paths: [(flag: String, key: String, path: String)] {
    [("--data", "data", data), ("--log-dir", "log.folder", logFolder), ("--socket", "socket", socket)]
      .compactMap { flag, key, path in path.map { (flag, key, Self.path($0)) } }
  }

  /// Absolute; an empty one stays empty, since it is no path, least of all the current directory's.
  static func path(_ text: String) -> String { text.isEmpty ? text : text.absolute }

  /// Adds what the body throws.
  static func collect(_ issues: inout [ConfigIssue], _ body: () throws(ConfigError) -> Void) {
    do throws(ConfigError) { try body() } catch { issues += error.issues }
  }

  private func set(_ key: String, _ value: JSONValue, _ flag: String, _ result: inout LoadedConfiguration) {
    result.values.set(ConfigValue(file: "server.yaml", key: key, value: value, source: .flag(flag)))
  }
}
