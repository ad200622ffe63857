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

  /// Reads folder and environment, and lays the flags over both. May be repeated: each time reads the files anew.
  func load(_ environment: [String: String]) throws(ConfigError) -> LoadedConfiguration {
    var result = try ConfigFolder.load(config, environment: environment)
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
      result.server.listen = []
      for text in listen { result.server.listen.append(try ListenAddress.parse(text, flag: "--listen")) }
      set("listen", .array(listen.map(JSONValue.string)), "--listen", &result)
    }
    return result
  }

  private func set(_ key: String, _ value: JSONValue, _ flag: String, _ result: inout LoadedConfiguration) {
    result.values.set(ConfigValue(file: "server.yaml", key: key, value: value, source: .flag(flag)))
  }
}
