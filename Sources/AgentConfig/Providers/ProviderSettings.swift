import AgentCore

/// `providers.yaml`: who answers model calls. A value made with `init()` is the sandbox alone.
package struct ProviderSettings: Sendable, Hashable {
  package struct Provider: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
      /// Without a script: the sandbox's own words.
      case sandbox(SandboxScript?)
      case remote(RemoteProviderSettings)
    }
    package var id: ProviderID
    package var kind: Kind
    package init(id: ProviderID, kind: Kind = .sandbox(nil)) { (self.id, self.kind) = (id, kind) }

    /// Of the sandbox's kind alone.
    package var script: SandboxScript? {
      if case .sandbox(let script) = kind { script } else { nil }
    }
  }

  /// Who answers an agent that names no provider.
  package var defaultID: ProviderID = "sandbox"
  /// What the file itself says under `default`, after expansion; nil: nothing. A switch over the API holds as long as
  /// this stays as it was.
  package var namedDefault: ProviderID?
  /// In the order of the file; never empty.
  package var providers = [Provider(id: "sandbox")]
  package init() {}

  /// Whether calls to it can only fail: it needs a key, and none is configured.
  package func lacksKey(_ id: ProviderID) -> Bool {
    guard case .remote(let remote)? = providers.first(where: { $0.id == id })?.kind else { return false }
    return remote.needsKey && remote.apiKey == nil
  }

  /// Any of them may be sent an agent's `body`.
  mutating func hideInBodies(_ secrets: [Secret]) {
    guard !secrets.isEmpty else { return }
    for index in providers.indices {
      guard case .remote(var remote) = providers[index].kind else { continue }
      remote.bodySecrets += secrets
      providers[index].kind = .remote(remote)
    }
  }

  /// `default` means the default provider wherever a provider is named.
  static let reservedNames: Set<String> = ["default"]
  /// Each is a row of the status page and a label of the metrics.
  static let maximumProviders = 100

  /// Every key of the file.
  package static let keys: [ConfigKey] =
    [
      ConfigKey(
        "default", .text(maximumBytes: 64), .nullable,
        "who answers an agent that names no provider; the first with a key unless told, else the sandbox"),
      ConfigKey("providers", .named(maximumCount: maximumProviders), .required, "the providers by name"),
      ConfigKey(
        "providers.*.type", .choice(types), .required, "the protocol it speaks; sandbox is the offline provider"),
      ConfigKey(
        "providers.*.script", .text(maximumBytes: 4095), .nullable,
        "a file of scripted answers, relative to the configuration folder"),
    ].map(\.reloadable) + RemoteProviderSettings.keys

  private static let types = ["openai", "anthropic", "sandbox"]

  /// What a file names outside of itself.
  struct Surroundings {
    var folder: String
    /// The keys that the environment has, by the entry's name.
    var keys: [String: EnvironmentKey]
    /// Gets a script's path as written and the place it stands at; nil where the script cannot be read (its issues then
    /// stand elsewhere).
    var loadScript: (Placed<String>, inout IssueLog) -> (script: SandboxScript, text: String)?
  }

  /// Reads the file's root.
  static func read(
    _ root: YAMLNode?, log: inout IssueLog, isBuiltIn: Bool = false, _ surroundings: Surroundings
  ) -> (ProviderSettings, [ConfigValue]) {
    var reader = ConfigReader(keys: keys, log: log, recordingAs: "providers.yaml", isBuiltIn: isBuiltIn)
    let top = reader.top(root)
    reader.requireEntries("providers", in: top, without: "there are openai, anthropic and sandbox")
    var settings = ProviderSettings()
    settings.providers = []
    let named = reader.named("providers", in: top)
    for (name, mark, section) in named {
      if reservedNames.contains(name) {
        reader.log.add(.invalid, mark, "'\(name)' is a reserved name: no provider can be called so")
      }
      settings.providers.append(
        Provider(id: ProviderID(name), kind: kind(name, section, surroundings, &reader)))
    }
    settings.namedDefault = namedDefault(top, among: root?.names(under: "providers"), &reader)
    settings.defaultID = settings.namedDefault ?? settings.unnamedDefault
    reader.noteDefault("default", in: top, .string(settings.defaultID.name))
    log = reader.log
    return (settings, reader.values)
  }

  private static func kind(
    _ name: String, _ section: ConfigReader.Section, _ surroundings: Surroundings, _ reader: inout ConfigReader
  ) -> Provider.Kind {
    let type = reader.text("type", in: section)
    guard let dialect = type.flatMap({ RemoteProviderSettings.Dialect(rawValue: $0.value) }) else {
      if type != nil {
        refuse(RemoteProviderSettings.keys, of: "sandbox", section, &reader)
      } else {
        readAny(name, section, surroundings, &reader)
      }
      let path = reader.text("script", in: section)
      let loaded = path.flatMap { surroundings.loadScript($0, &reader.log) }
      if let loaded { reader.noteContent("script", in: section, loaded.text) }
      return .sandbox(loaded?.script)
    }
    refuse(keys.filter { $0.name == "script" }, of: dialect.rawValue, section, &reader)
    return .remote(
      .read(
        dialect, section, folder: surroundings.folder, environment: surroundings.keys[name], &reader))
  }

  /// Of an entry whose type is not known: the other keys, for what is wrong with them whatever the type was meant to be.
  private static func readAny(
    _ name: String, _ section: ConfigReader.Section, _ surroundings: Surroundings, _ reader: inout ConfigReader
  ) {
    var part = section
    part.isWhole = false
    // The one key that only one of the types has.
    let dialect: RemoteProviderSettings.Dialect = section.entries["prompt_cache"] == nil ? .openai : .anthropic
    _ = RemoteProviderSettings.read(
      dialect, part, folder: surroundings.folder, environment: surroundings.keys[name], &reader)
  }

  /// Keys that the table has, but that mean nothing for this type.
  private static func refuse(
    _ others: [ConfigKey], of type: String, _ section: ConfigReader.Section, _ reader: inout ConfigReader
  ) {
    for key in others where key.parent == section.path {
      reader.forget(key.name, in: section)
      guard let entry = section.entries[key.name], !entry.value.isNull else { continue }
      reader.log.add(
        .invalid, entry.keyMark, "'\(section.shown).\(key.name)' is no key of a provider of type '\(type)'")
    }
    for key in others where key.type == .section {
      for member in others where member.parent == key.path { reader.forget("\(key.name).\(member.name)", in: section) }
    }
  }

  /// The first with a key, else the sandbox; without one, whoever needs no key.
  private var unnamedDefault: ProviderID {
    func hasKey(_ provider: Provider) -> Bool {
      if case .remote(let remote) = provider.kind { remote.apiKey != nil } else { false }
    }
    func needsKey(_ provider: Provider) -> Bool {
      if case .remote(let remote) = provider.kind { remote.needsKey } else { false }
    }
    func isSandbox(_ provider: Provider) -> Bool { if case .sandbox = provider.kind { true } else { false } }
    let choice =
      providers.first(where: hasKey) ?? providers.first { $0.id == "sandbox" } ?? providers.first(where: isSandbox)
      ?? providers.first { !needsKey($0) } ?? providers.first
    return choice?.id ?? "sandbox"
  }

  private static func namedDefault(
    _ top: ConfigReader.Section, among names: [String]?, _ reader: inout ConfigReader
  ) -> ProviderID? {
    guard let wanted = reader.text("default", in: top) else { return nil }
    // A list that cannot be read is reported already.
    guard let names else { return nil }
    guard names.contains(wanted.value) else {
      let hint = NearestName.of(wanted.value, among: names).map { "; did you mean '\($0)'?" } ?? ""
      reader.log.add(.invalid, wanted.mark, "'default' names no provider of this file: '\(wanted.shown)'\(hint)")
      return nil
    }
    return ProviderID(wanted.value)
  }
}
