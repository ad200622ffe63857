import AgentCore
import Glibc

/// The folder of configuration files. Reads it once; nothing is kept.
package enum ConfigFolder {
  package static let defaultPath = "/etc/agent-system"
  /// A folder with more entries is not one of ours; the rest of it goes without warnings.
  private static let maximumEntries = 10_000

  /// Reads every file of the folder, all of them even when one is bad, and lays the environment over them.
  ///
  /// - Parameters:
  ///   - folder: Nil reads the installed one, which may be absent; one that is given must be there.
  ///   - environment: The variables, as `${VAR}` in files and by themselves.
  ///   - tools: The tools that this build has; an agent that names another one is refused.
  ///   - installed: Where a package puts the folder.
  /// - Throws: All issues of all files and variables, by file and line.
  package static func load(
    _ folder: String?, environment: [String: String] = [:], tools: [String] = AgentSettings.toolNames,
    installed: String = defaultPath
  ) throws(ConfigError) -> LoadedConfiguration {
    let path = trimmed(folder ?? installed)
    if isFolder(path) { return try all(of: path, environment, tools) }
    guard !ConfigFile.exists(path) else {
      let message = "is no folder, or a link that leads nowhere"
      throw ConfigError(issues: [ConfigIssue(file: path, code: .invalid, message: message)])
    }
    if folder == nil { return try builtIn(environment: environment, tools: tools) }
    throw ConfigError(issues: [ConfigIssue(file: path, code: .invalid, message: "there is no such folder")])
  }

  /// What holds without any folder: the built-in defaults under the environment.
  package static func builtIn(
    environment: [String: String] = [:], tools: [String] = AgentSettings.toolNames
  ) throws(ConfigError) -> LoadedConfiguration {
    try all(of: nil, environment, tools)
  }

  /// `server.yaml` alone, for work beside a stopped service: what is wrong with the other files, or a variable that they
  /// name and a shell has not, is no matter there.
  package static func server(_ folder: String, environment: [String: String] = [:]) throws(ConfigError)
    -> ServerSettings
  {
    let path = trimmed(folder)
    guard isFolder(path) else {
      throw ConfigError(issues: [ConfigIssue(file: path, code: .invalid, message: "there is no such folder")])
    }
    var load = ConfigurationLoad(folder: path, environment: environment)
    let result = load.serverAlone()
    guard load.issues.isEmpty else { throw ConfigError(issues: load.issues.sorted()) }
    return result
  }

  /// Where `server.yaml` puts the unix socket, for whoever looks for the service; what is wrong with the rest of the file
  /// is no matter here. The default where the file does not say, or says it in a way that nobody can use.
  package static func socket(_ folder: String = defaultPath, environment: [String: String]) -> String {
    var load = ConfigurationLoad(folder: trimmed(folder), environment: environment)
    return load.serverAlone().socket
  }

  private static func all(
    of folder: String?, _ environment: [String: String], _ tools: [String]
  ) throws(ConfigError) -> LoadedConfiguration {
    var load = ConfigurationLoad(folder: folder, environment: environment)
    let result = load.all(tools: tools)
    guard load.issues.isEmpty else { throw ConfigError(issues: load.issues.sorted()) }
    return result
  }

  private static func trimmed(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The names in a folder, sorted; empty where it cannot be listed (its files then say why).
  static func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while names.count < maximumEntries, let entry = readdir(stream) {
      // By its address: the field as a value would be copied whole, past the end of an entry that is shorter.
      let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
      let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
      names.append(String(cString: name))
    }
    return names.sorted()
  }
}
