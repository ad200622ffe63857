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
  /// what is wrong with all of them at once.
  func load(_ environment: [String: String]) throws(ConfigError) -> LoadedConfiguration {
    var (result, issues) = (LoadedConfiguration(), [ConfigIssue]())
    do throws(ConfigError) { result = try ConfigFolder.load(config, environment: environment) } catch {
      issues = error.issues
    }
    let addresses = listen.compactMap { Self.address($0, &issues) }
    if issues.contains(where: { $0.code == .plaintextRefused }), let wide = result.localRoleTooWideIssue {
      issues.append(wide)
    }
    guard issues.isEmpty else { throw ConfigError(issues: issues) }
    if let data {
      result.server.data = data.absolute
      set("data", .string(data.absolute), "--data", &result)
    }
    if let logFolder {
      result.server.log.folder = logFolder.absolute
      set("log.folder", .string(logFolder.absolute), "--log-dir", &result)
    }
    if let socket {
      result.server.socket = socket.absolute
      set("socket", .string(socket.absolute), "--socket", &result)
    }
    if !listen.isEmpty {
      result.server.listen = addresses
      set("listen", .array(listen.map(JSONValue.string)), "--listen", &result)
    }
    return result
  }

  /// Nil: what is wrong with it was added to the issues.
  static func address(_ text: String, _ issues: inout [ConfigIssue]) -> ListenAddress? {
    do throws(ConfigError) { return try ListenAddress.parse(text, flag: "--listen") } catch {
      issues += error.issues
      return nil
    }
  }

  private func set(_ key: String, _ value: JSONValue, _ flag: String, _ result: inout LoadedConfiguration) {
    result.values.set(ConfigValue(file: "server.yaml", key: key, value: value, source: .flag(flag)))
  }
}
