import AgentConfig
import AgentCore
import Synchronization

/// The providers of the configuration in force, and which of them is asked when a task names none.
///
/// `replace` puts all of them in place at once; calls in flight end with the provider that they began with.
package final class ProviderDirectory: ProviderRegistry {
  /// What the directory works with.
  package struct Parts: Sendable {
    package var clock: any WallClock
    package var random: any RandomSource
    package var log: any ServiceLog
    /// Where a switched default is kept; nil: nowhere.
    package var store: (any SettingStore)?
    /// The default whatever the files say; nil: as they say. A switch stands above it.
    package var forcedDefault: ProviderID?
    /// Makes the provider itself, without gate and record.
    package var make: @Sendable (ProviderSettings.Provider) -> any ModelProvider

    package init(
      clock: any WallClock, random: any RandomSource, log: any ServiceLog = NoLog(),
      store: (any SettingStore)? = nil, forcedDefault: ProviderID? = nil,
      make: @escaping @Sendable (ProviderSettings.Provider) -> any ModelProvider
    ) {
      (self.clock, self.random, self.log, self.store) = (clock, random, log, store)
      (self.forcedDefault, self.make) = (forcedDefault, make)
    }
  }

  struct Content: Sendable {
    var settings: ProviderSettings
    var providers: [ProviderID: RoutedProvider] = [:]
    var gates: [ProviderAccount: ProviderGate] = [:]
    /// By the files.
    var configuredDefault: ProviderID
    /// By a switch over the API; nil: none holds.
    var switchedDefault: ProviderID?
    var defaultID: ProviderID { switchedDefault ?? configuredDefault }
  }

  let parts: Parts
  let content: Mutex<Content>
  /// One switch or reload at a time: what is stored and what is in force are never in another order.
  let turns = SerialTurns()
  let vacancies: VacancyBell

  /// The providers by the files alone; `restore` or `replace` then looks at what is stored.
  package init(_ settings: ProviderSettings, _ parts: Parts) {
    let vacancies = VacancyBell()
    (self.parts, self.vacancies) = (parts, vacancies)
    content = Mutex(Self.content(settings, parts, vacancies, before: nil))
  }

  /// For tests: these providers as they are. Throws `.providerUnknown` when the default is not one of them.
  package convenience init(
    providers: [ProviderID: any ModelProvider], defaultID: ProviderID, clock: any WallClock,
    random: any RandomSource = SystemRandom(), log: any ServiceLog = NoLog()
  ) throws(ProviderError) {
    guard let first = providers[defaultID] else { throw Self.unknown(defaultID) }
    var settings = ProviderSettings()
    settings.providers = providers.keys.sorted().map { ProviderSettings.Provider(id: $0) }
    (settings.defaultID, settings.namedDefault) = (defaultID, defaultID)
    self.init(settings, Parts(clock: clock, random: random, log: log) { providers[$0.id] ?? first })
  }

  /// `handler` is told which tasks, sent away with `.later`, are to come back because their turn has come. It is called
  /// on any thread and must not block; a task that it does not know is none of its concern.
  package func onVacancy(_ handler: @escaping @Sendable ([TaskID]) -> Void) { vacancies.set(handler) }

  /// Tasks that an earlier life of the process left waiting because their own call was refused, by the provider that did
  /// it. They are told as soon as one of its calls goes well; at once where that provider is no longer there.
  package func remember(_ refused: [ProviderID: [TaskID]]) {
    let providers = content.withLock { $0.providers }
    for (id, tasks) in refused.sorted(by: { $0.key < $1.key }) {
      if let gate = providers[id]?.gate { gate.remember(tasks, of: id) } else { vacancies.ring(tasks) }
    }
  }

  /// These tasks have ended: whatever turn one had before a provider is given up.
  package func forget(_ tasks: [TaskID]) {
    for gate in content.withLock({ Array($0.gates.values) }) { gate.forget(tasks) }
  }

  /// Nil asks for the default; throws `.providerUnknown` for a name that configuration does not have.
  package func provider(named id: ProviderID?) throws(ProviderError) -> any ModelProvider { try routed(id) }

  /// Who is asked when a task names no provider; always one of these.
  package var defaultID: ProviderID { content.withLock { $0.defaultID } }

  /// Names of all providers, sorted.
  package var ids: [ProviderID] { content.withLock { $0.providers.keys.sorted() } }

  func routed(_ id: ProviderID?) throws(ProviderError) -> RoutedProvider {
    let (name, provider) = content.withLock { content in
      let name = id ?? content.defaultID
      return (name, content.providers[name])
    }
    guard let provider else { throw Self.unknown(name) }
    return provider
  }

  static func unknown(_ id: ProviderID) -> ProviderError {
    ProviderError(.providerUnknown, "no provider is called '\(id)'")
  }

  /// What is unchanged is taken over, so that a script goes on and connections stay warm; of the rest, how it fared as
  /// long as key and address are the same.
  static func content(
    _ settings: ProviderSettings, _ parts: Parts, _ vacancies: VacancyBell, before: Content?
  ) -> Content {
    var content = Content(
      settings: settings, configuredDefault: DefaultRule.configured(settings, forced: parts.forcedDefault))
    content.gates = gates(settings, parts, vacancies, before: before?.gates ?? [:])
    for wanted in settings.providers {
      let earlier = before?.providers[wanted.id]
      if let earlier, earlier.settings == wanted {
        content.providers[wanted.id] = earlier
        continue
      }
      let isSameAccount =
        earlier.map { $0.settings.remote?.account == wanted.remote?.account && $0.settings.type == wanted.type }
        ?? false
      let kept = isSameAccount ? earlier?.health : nil
      content.providers[wanted.id] = RoutedProvider(
        wanted, inner: parts.make(wanted),
        health: kept ?? ProviderHealth(lacksKey: wanted.lacksKey, at: parts.clock.now()),
        gate: wanted.remote.flatMap { content.gates[$0.account] }, clock: parts.clock, log: parts.log)
    }
    return content
  }

  /// One gate an account, taken over where the account stays: what is in flight counts, and a 429 holds.
  private static func gates(
    _ settings: ProviderSettings, _ parts: Parts, _ vacancies: VacancyBell, before: [ProviderAccount: ProviderGate]
  ) -> [ProviderAccount: ProviderGate] {
    var limits: [ProviderAccount: GateLimits] = [:]
    for remote in settings.providers.compactMap(\.remote) {
      limits[remote.account] = limits[remote.account].map { $0.combined(with: remote.limits) } ?? remote.limits
    }
    return Dictionary(
      uniqueKeysWithValues: limits.map { account, limits in
        guard let earlier = before[account] else {
          let gate = ProviderGate(limits: limits, clock: parts.clock, random: parts.random) { vacancies.ring($0) }
          return (account, gate)
        }
        earlier.setLimits(limits)
        return (account, earlier)
      })
  }
}

/// Whom the gates tell of vacancies: known only once the engine is there, which needs the providers first.
final class VacancyBell: Sendable {
  private let handler = Mutex<@Sendable ([TaskID]) -> Void>({ _ in })

  func set(_ handler: @escaping @Sendable ([TaskID]) -> Void) { self.handler.withLock { $0 = handler } }
  func ring(_ tasks: [TaskID]) { handler.withLock { $0 }(tasks) }
}

/// Whose limits a call counts against: the address and all that says who asks. Secrets print as a placeholder.
struct ProviderAccount: Hashable, Sendable {
  var baseURL: String
  var key: Secret?
  /// By name in lower case: how a header is written makes no other caller.
  var headers: [String: Secret]
  var query: [String: Secret]
}

extension RemoteProviderSettings {
  var account: ProviderAccount {
    let named = headers.map { ($0.key.lowercased(), $0.value) }
    return ProviderAccount(
      baseURL: baseURL, key: apiKey, headers: Dictionary(named, uniquingKeysWith: { _, last in last }), query: query)
  }
}
