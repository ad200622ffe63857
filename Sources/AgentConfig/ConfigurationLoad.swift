import AgentCore

/// One pass over a folder.
struct ConfigurationLoad {
  /// Nil: there are no files.
  let folder: String?
  let environment: [String: String]
  var issues: [ConfigIssue] = []
  var read: Set<String> = []
  /// What `providers.yaml` names, well or not; nil: that file cannot be read, and nothing can be held against it.
  var providerNames: [String]?
  /// There is an `agents.yaml`.
  var hasAgents = false

  init(folder: String?, environment: [String: String]) { (self.folder, self.environment) = (folder, environment) }

  mutating func all(tools: [String]) -> LoadedConfiguration {
    var result = LoadedConfiguration()
    let variables = EnvironmentSettings.read(environment, issues: &issues)
    server(into: &result)
    encryption(into: &result)
    providers(into: &result, variables)
    agents(into: &result, tools: tools)
    permissions(into: &result)
    variables.lay(over: &result)
    result.hideSensitive()
    result.warnings += unread()
    return result
  }

  mutating func serverAlone() -> ServerSettings {
    var result = LoadedConfiguration()
    server(into: &result)
    return result.server
  }

  private func file(_ name: String) -> String { name.hasPrefix("/") ? name : "\(folder ?? "")/\(name)" }

  private enum Parsed {
    case absent
    /// Its issues are noted already.
    case broken
    case read(root: YAMLNode?, log: IssueLog)
  }

  /// One file's YAML with the environment in it.
  private mutating func parse(_ name: String, _ keys: [ConfigKey]) -> Parsed {
    guard folder != nil else { return .absent }
    var log = IssueLog(file: file(name))
    read.insert(name)
    switch ConfigFile.read(file(name), log: &log) {
    case .absent: return .absent
    case .unreadable: break
    case .text(let text):
      let root = YAMLDocument.read(text, log: &log)
      // Without a root and with issues the text is broken: what it lacks would be an echo of that.
      if root != nil || log.issues.isEmpty {
        let expansion = VariableExpansion(environment: environment, keys: keys)
        let expanded = root.map { expansion.expand($0, log: &log) }
        return .read(root: expanded, log: log)
      }
    }
    issues += log.issues
    return .broken
  }

  /// Its root, and a log for what is found there; no root where the file is absent or broken: then the defaults count.
  private mutating func rootOrNone(_ name: String, _ keys: [ConfigKey]) -> (root: YAMLNode?, log: IssueLog) {
    if case .read(let root, let log) = parse(name, keys) { return (root, log) }
    return (nil, IssueLog(file: file(name)))
  }

  private mutating func server(into result: inout LoadedConfiguration) {
    var parsed = rootOrNone("server.yaml", ServerSettings.keys)
    let values: [ConfigValue]
    (result.server, values) = ServerSettings.read(parsed.root, log: &parsed.log)
    issues += parsed.log.issues
    result.values += values
  }

  private mutating func encryption(into result: inout LoadedConfiguration) {
    var parsed = rootOrNone("encryption.yaml", EncryptionSettings.keys)
    let values: [ConfigValue]
    (result.encryption, values) = EncryptionSettings.read(parsed.root, log: &parsed.log)
    issues += parsed.log.issues
    result.values += values
  }

  /// After the rest of the files: what a role means depends on them.
  private mutating func permissions(into result: inout LoadedConfiguration) {
    let path = file("permissions.yaml")
    var (root, log): (YAMLNode?, IssueLog) = (nil, IssueLog(file: path))
    switch parse("permissions.yaml", PermissionSettings.keys) {
    case .broken: return
    case .absent: break
    case .read(let node, let noted): (root, log) = (node, noted)
    }
    let reading = PermissionSettings.read(root, log: &log)
    issues += log.issues
    result.permissions = reading.settings
    result.values += reading.values
    result.localPlace = reading.place(of: BuiltInRoles.local, in: path)
    if issues.contains(where: { $0.code == .plaintextRefused }), reading.settings.isLocalOpen {
      issues.append(result.localRoleTooWide)
    }
    if reading.settings.isLocalOpen { result.warnings.append(result.localRoleOpen) }
    // The built-in agents stand in no file.
    result.warnings += result.toolsWithoutRight(in: hasAgents ? file("agents.yaml") : path)
    result.notes += reading.readingAll(in: path)
  }

  private mutating func providers(into result: inout LoadedConfiguration, _ variables: EnvironmentSettings) {
    var (root, log): (YAMLNode?, IssueLog) = (nil, IssueLog(file: file("providers.yaml")))
    var isBuiltIn = false
    switch parse("providers.yaml", ProviderSettings.keys) {
    case .broken: return
    case .read(let node, let noted): (root, log) = (node, noted)
    case .absent: (root, isBuiltIn) = (YAMLDocument.read(ShippedProviders.text, log: &log), true)
    }
    providerNames = root?.names(under: "providers")
    let files = self
    let surroundings = ProviderSettings.Surroundings(folder: folder ?? "", keys: variables.providerKeys) { path, log in
      files.script(path, &log)
    }
    let (settings, values) = ProviderSettings.read(root, log: &log, isBuiltIn: isBuiltIn, surroundings)
    result.providers = settings
    if settings.lacksKey(settings.defaultID) {
      let message =
        "the default provider '\(settings.defaultID)' needs a key and has none: its calls fail until it has one"
      let warning = ConfigIssue(file: file("providers.yaml"), code: .noKey, message: message)
      result.defaultWarning = warning
      result.warnings.append(warning)
    }
    result.values += values
    issues += log.issues
    noteRead("script", values)
  }

  /// What the values of a key name is read: nobody is to be told otherwise.
  private mutating func noteRead(_ key: String, _ values: [ConfigValue]) {
    for value in values where value.key.hasSuffix("." + key) {
      guard let path = value.value.stringValue else { continue }
      read.insert(path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
    }
  }

  /// Issues of the script's own file go to the same log as what names it: the file's name is theirs.
  private func script(_ path: Placed<String>, _ log: inout IssueLog) -> (script: SandboxScript, text: String)? {
    var own = IssueLog(file: path.written ?? file(path.value))
    defer { log.merge(own) }
    switch ConfigFile.read(file(path.value), log: &own) {
    case .absent:
      log.add(.invalid, path.mark, "there is no script '\(path.shown)' in the configuration folder")
      return nil
    case .unreadable: return nil
    case .text(let text):
      let root = YAMLDocument.read(text, log: &own)
      guard root != nil || own.issues.isEmpty else { return nil }
      return (.read(root, folder: folder ?? "", log: &own), text)
    }
  }

  private mutating func agents(into result: inout LoadedConfiguration, tools: [String]) {
    guard case .read(let root, var log) = parse("agents.yaml", AgentSettings.keys) else {
      result.values += BuiltInAgents.values
      return
    }
    hasAgents = true
    let files = self
    let surroundings = AgentSettings.Surroundings(tools: tools) { path, log in files.instructions(path, &log) }
    let (settings, values) = AgentSettings.read(root, log: &log, surroundings)
    issues += log.issues
    noteRead("instructions_file", values)
    check(settings)
    for (agent, provider) in settings.providerMarks where result.providers.lacksKey(ProviderID(provider.value)) {
      result.warnings.append(
        ConfigIssue(
          file: file("agents.yaml"), line: provider.mark.line, column: provider.mark.column, code: .noKey,
          message: "'agents.\(agent).provider': '\(provider.shown)' needs a key and has none: its calls fail until then"
        ))
    }
    result.agents = settings.agents
    result.providers.hideInBodies(settings.bodySecrets)
    result.values += values
  }

  /// A file below the folder, by its name; where a link there leads is its maker's matter.
  private func instructions(_ path: Placed<String>, _ log: inout IssueLog) -> String? {
    guard !path.value.hasPrefix("/"), !path.value.split(separator: "/").contains("..") else {
      log.add(.invalid, path.mark, "'\(path.shown)' must be relative to the configuration folder, without '..'")
      return nil
    }
    var own = IssueLog(file: path.written ?? file(path.value))
    defer { log.merge(own) }
    switch ConfigFile.read(file(path.value), log: &own) {
    case .absent:
      log.add(.invalid, path.mark, "there is no file '\(path.shown)' in the configuration folder")
      return nil
    case .unreadable: return nil
    case .text(let text):
      let maximum = AgentSettings.maximumInstructionBytes
      if text.utf8.count > maximum { own.add(.invalid, "has \(text.utf8.count) bytes; \(maximum) is the most") }
      return text
    }
  }

  private mutating func check(_ settings: AgentSettings) {
    guard let names = providerNames else { return }
    for (agent, provider) in settings.providerMarks where !names.contains(provider.value) {
      let hint = NearestName.of(provider.value, among: names + ["default"]).map { "; did you mean '\($0)'?" } ?? ""
      issues.append(
        ConfigIssue(
          file: file("agents.yaml"), line: provider.mark.line, column: provider.mark.column, code: .invalid,
          message: "'agents.\(agent).provider' names no provider: '\(provider.shown)'\(hint)"))
    }
  }

  private func unread() -> [ConfigIssue] {
    guard let folder else { return [] }
    return ConfigFolder.names(in: folder)
      .filter { ($0.hasSuffix(".yaml") || $0.hasSuffix(".yml")) && !$0.hasPrefix(".") && !read.contains($0) }
      .map { ConfigIssue(file: file($0), code: .notRead, message: "nothing in this build reads this file") }
  }
}
