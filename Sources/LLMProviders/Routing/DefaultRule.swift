import AgentConfig
import AgentCore

/// Who is asked when an agent names no provider.
enum DefaultRule {
  /// The name under which a switch over the API is kept.
  static let settingName = "default_provider"

  /// By the files alone: what they say, else the first provider with a key, else the sandbox. `forced` (the command
  /// `sandbox`) stands above the files. Where there is no sandbox either: whoever needs no key, else the first.
  static func configured(_ settings: ProviderSettings, forced: ProviderID?) -> ProviderID {
    let providers = settings.providers
    func has(_ id: ProviderID) -> Bool { providers.contains { $0.id == id } }
    if let forced, has(forced) { return forced }
    if let named = settings.namedDefault, has(named) { return named }
    let choice =
      providers.first(where: \.hasKey) ?? providers.first { $0.id == "sandbox" }
      ?? providers.first { $0.remote == nil } ?? providers.first { !$0.lacksKey } ?? providers.first
    return choice?.id ?? settings.defaultID
  }

  enum Verdict: Hashable {
    case holds(ProviderID)
    /// The file says something else than when the switch was made: the file wins.
    case overtaken
    /// Configuration has no provider of that name any more.
    case gone(ProviderID)
  }

  /// What is left of a switch under these files.
  static func verdict(on stored: StoredSetting, _ settings: ProviderSettings) -> Verdict {
    let id = ProviderID(stored.value)
    guard settings.providers.contains(where: { $0.id == id }) else { return .gone(id) }
    return stored.fileValue == settings.namedDefault?.name ? .holds(id) : .overtaken
  }
}
