import AgentCore
import Glibc

/// The folder of configuration files. Reads it once; nothing is kept.
package enum ConfigFolder {
  package static let defaultPath = "/etc/agent-system"
  /// A folder with more entries is not one of ours; the rest of it goes without warnings.
  private static let maximumEntries = 10_000

  /// Reads every file of the folder, all of them even when one is bad.
  ///
  /// - Parameters:
  ///   - folder: Nil reads `/etc/agent-system`, which may be absent; one that is given must be there.
  ///   - tools: The tools that this build has; an agent that names another one is refused.
  /// - Throws: All issues of all files, by file and line.
  package static func load(
    _ folder: String?, tools: [String] = AgentSettings.toolNames
  ) throws(ConfigError) -> LoadedConfiguration {
    let path = trimmed(folder ?? defaultPath)
    guard isFolder(path) else {
      if folder == nil { return LoadedConfiguration() }
      throw ConfigError(issues: [ConfigIssue(file: path, code: .invalid, message: "there is no such folder")])
    }
    var load = Load(folder: path)
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
  fileprivate static func names(in folder: String) -> [String] {
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

/// One pass over a folder.
private struct Load {
  let folder: String
  var issues: [ConfigIssue] = []
  var read: Set<String> = []

  init(folder: String) { self.folder = folder }

  mutating func all(tools: [String]) -> LoadedConfiguration {
    var result = LoadedConfiguration()
    if var parsed = parse("server.yaml") {
      result.server = .read(parsed.root, log: &parsed.log)
      issues += parsed.log.issues
    }
    result.providers = providers()
    if var parsed = parse("agents.yaml") {
      let settings = AgentSettings.read(parsed.root, tools: tools, log: &parsed.log)
      issues += parsed.log.issues
      check(settings, against: result.providers)
      result.agents = settings.agents
      if settings.agents.isEmpty {
        let message = "lists no agent: no task can be given to anyone"
        result.warnings.append(ConfigIssue(file: file("agents.yaml"), code: .noAgents, message: message))
      }
    }
    result.warnings += unread()
    return result
  }

  private func file(_ name: String) -> String { name.hasPrefix("/") ? name : "\(folder)/\(name)" }

  /// One file's YAML. Nil: it is absent, or its issues are noted already.
  private mutating func parse(_ name: String) -> (root: YAMLNode?, log: IssueLog)? {
    var log = IssueLog(file: file(name))
    read.insert(name)
    switch ConfigFile.read(file(name), log: &log) {
    case .absent: return nil
    case .unreadable: break
    case .text(let text):
      let root = YAMLDocument.read(text, log: &log)
      // Without a root and with issues the text is broken: what it lacks would be an echo of that.
      if root != nil || log.issues.isEmpty { return (root, log) }
    }
    issues += log.issues
    return nil
  }

  private mutating func providers() -> ProviderSettings {
    guard var parsed = parse("providers.yaml") else { return ProviderSettings() }
    var scripts: [String] = []
    let settings = ProviderSettings.read(parsed.root, log: &parsed.log) { path, log in
      scripts.append(path.value.hasPrefix("./") ? String(path.value.dropFirst(2)) : path.value)
      return script(path, &log)
    }
    issues += parsed.log.issues
    read.formUnion(scripts)
    return settings
  }

  /// Issues of the script's own file go to the same log as what names it: the file's name is theirs.
  private func script(_ path: Placed<String>, _ log: inout IssueLog) -> SandboxScript? {
    var own = IssueLog(file: file(path.value))
    defer { log.merge(own) }
    switch ConfigFile.read(file(path.value), log: &own) {
    case .absent:
      log.add(.invalid, path.mark, "there is no script '\(path.value)' in the configuration folder")
      return nil
    case .unreadable: return nil
    case .text(let text):
      let root = YAMLDocument.read(text, log: &own)
      return root != nil || own.issues.isEmpty ? .read(root, folder: folder, log: &own) : nil
    }
  }

  private mutating func check(_ settings: AgentSettings, against providers: ProviderSettings) {
    let names = providers.providers.map(\.id.name)
    for (agent, provider) in settings.providerMarks where !names.contains(provider.value) {
      let hint = NearestName.of(provider.value, among: names + ["default"]).map { "; did you mean '\($0)'?" } ?? ""
      issues.append(
        ConfigIssue(
          file: file("agents.yaml"), line: provider.mark.line, column: provider.mark.column, code: .invalid,
          message: "'agents.\(agent).provider' names no provider: '\(provider.value)'\(hint)"))
    }
  }

  private func unread() -> [ConfigIssue] {
    ConfigFolder.names(in: folder)
      .filter { ($0.hasSuffix(".yaml") || $0.hasSuffix(".yml")) && !$0.hasPrefix(".") && !read.contains($0) }
      .map { ConfigIssue(file: file($0), code: .notRead, message: "nothing in this build reads this file") }
  }
}
