import AgentConfig
import Foundation

/// `keys.master_file` of the configuration that goes with a stopped service's data folder. Read while the process is still
/// root: the data folder's owner may not be able to.
enum ConfiguredKeyFile {
  /// `config`: the folder that the command line names, whose word then counts; nil: the installed one, which counts for
  /// its own data folder alone, and only where it can be read. Nil where no file is named.
  ///
  /// - Throws: `config_invalid`, for a folder that the command line names.
  static func find(
    data: String, config: String?, installed: String = ConfigFolder.defaultPath, environment: [String: String],
    warn: (String) -> Void
  ) throws(ClientError) -> String? {
    if config == nil, access(installed + "/server.yaml", F_OK) != 0, errno == ENOENT || errno == ENOTDIR { return nil }
    do throws(ConfigError) {
      let server = try ConfigFolder.server(config ?? installed, environment: environment)
      return config != nil || isSame(server.data, data) ? server.masterKeyFile?.absolute : nil
    } catch {
      let said = error.issues.map(\.description).joined(separator: "\n")
      if config != nil { throw .refused("config_invalid", said) }
      warn("keys.master_file is not looked at: \(said)")
      return nil
    }
  }

  private static func isSame(_ path: String, _ other: String) -> Bool {
    func real(_ path: String) -> String {
      URL(fileURLWithPath: path.absolute).resolvingSymlinksInPath().path
    }
    return real(path) == real(other)
  }
}
