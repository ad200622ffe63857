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

  /// `default` means the default provider wherever a provider is named.
  static let reservedNames: Set<String> = ["default"]
  /// Each is a row of the status page and a label of the metrics.
  static let maximumProviders = 100

  /// Every key of the file.
  package static let keys: [ConfigKey] =
    [
      ConfigKey("default", .text(maximumBytes: 64), .nullable, "who answers an agent that names no provider"),
      ConfigKey("providers", .named(maximumCount: maximumProviders), .defaults("{}"), "the providers by name"),
      ConfigKey("providers.*.type", .text(maximumBytes: 64), .required, "the protocol it speaks"),
      ConfigKey(
        "providers.*.script", .text(maximumBytes: 4095), .nullable,
        "a file of scripted answers, relative to the configuration folder"),
    ] + remoteKeys.map { .notSupported("providers.*.\($0)", "a key of providers reached over HTTP") }

  /// Keys of providers that this build cannot reach yet.
  private static let remoteKeys = [
    "base_url", "api_key", "api_key_file", "model", "max_concurrent", "timeouts", "retries", "max_response", "headers",
    "query", "ca_file", "proxy",
  ]

  /// Reads the file's root. `loadScript` gets a script's path as written and the place it stands at, and returns nil
  /// where the script cannot be read (its issues then stand elsewhere).
  static func read(
    _ root: YAMLNode?, log: inout IssueLog,
    loadScript: (Placed<String>, inout IssueLog) -> SandboxScript?
  ) -> ProviderSettings {
    var reader = ConfigReader(keys: keys, log: log)
    let top = reader.top(root)
    var settings = ProviderSettings()
    let named = reader.named("providers", in: top)
    if !named.isEmpty { settings.providers = [] }
    for (name, mark, section) in named {
      if reservedNames.contains(name) {
        reader.log.add(.invalid, mark, "'\(name)' is a reserved name: no provider can be called so")
      }
      if let type = reader.text("type", in: section), type.value != "sandbox" {
        reader.log.add(
          .notSupported, type.mark,
          "'\(section.shown).type': this build has providers of type 'sandbox' only, not '\(type.value)'")
      }
      let path = reader.text("script", in: section)
      settings.providers.append(
        Provider(id: ProviderID(name), kind: .sandbox(path.flatMap { loadScript($0, &reader.log) })))
    }
    (settings.defaultID, settings.namedDefault) = defaultProvider(top, among: settings.providers.map(\.id), &reader)
    log = reader.log
    return settings
  }

  private static func defaultProvider(
    _ top: ConfigReader.Section, among ids: [ProviderID], _ reader: inout ConfigReader
  ) -> (effective: ProviderID, named: ProviderID?) {
    // Without a keyed provider it is the one called sandbox, else the first that the file lists.
    let fallback = ids.contains("sandbox") ? "sandbox" : ids.first ?? "sandbox"
    guard let wanted = reader.text("default", in: top) else { return (fallback, nil) }
    guard ids.contains(ProviderID(wanted.value)) else {
      let hint = NearestName.of(wanted.value, among: ids.map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
      reader.log.add(.invalid, wanted.mark, "'default' names no provider of this file: '\(wanted.value)'\(hint)")
      return (fallback, nil)
    }
    return (ProviderID(wanted.value), ProviderID(wanted.value))
  }
}
