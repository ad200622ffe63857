import AgentConfig
import AgentCore
import Synchronization

@testable import LLMProviders

/// A provider whose calls a test answers one by one; the last answer is for every later call too.
final class SteeredProvider: ModelProvider {
  enum Answer: Sendable {
    case text(String)
    /// By a model that says it has that name.
    case model(String)
    case fail(ProviderError)
    /// Until `letGo`, or until the caller is cancelled.
    case hang
  }
  let id: ProviderID
  private let answers: Mutex<[Answer]>
  private let seen = Mutex<[ModelRequest]>([])
  private let entered = Wakeup()
  private let freed = Wakeup()

  init(_ id: ProviderID, _ answers: [Answer] = [.text("ok")]) {
    self.id = id
    self.answers = Mutex(answers)
  }

  var requests: [ModelRequest] { seen.withLock { $0 } }
  func set(_ answers: [Answer]) { self.answers.withLock { $0 = answers } }
  func begun() async { await entered.wait() }
  func letGo() { freed.wake() }

  func complete(
    _ request: ModelRequest, onDelta: @escaping @Sendable (String) -> Void
  ) async throws(ProviderError) -> ModelReply {
    seen.withLock { $0.append(request) }
    entered.wake()
    switch answers.withLock({ $0.count > 1 ? $0.removeFirst() : $0[0] }) {
    case .fail(let error): throw error
    case .text(let text): return reply(text)
    case .model(let name):
      var reply = reply("ok")
      reply.model = name
      return reply
    case .hang:
      await freed.wait()
      if Task.isCancelled { throw ProviderError(.cancelled, "cut", wasSent: true) }
      return reply("let go by \(id)")
    }
  }

  private func reply(_ text: String) -> ModelReply {
    ModelReply(
      text: text, calls: [], finish: .stop, usage: ModelUsage(inputTokens: 3, outputTokens: 2), model: "model-of-\(id)")
  }
}

/// Stored settings in memory; fails when told to.
final class SettingsDouble: SettingStore {
  private struct State {
    var stored: [String: StoredSetting] = [:]
    var failure: StoreError?
  }
  private let state = Mutex(State())

  var stored: [StoredSetting] { state.withLock { $0.stored.values.sorted { $0.name < $1.name } } }
  func put(_ setting: StoredSetting) { state.withLock { $0.stored[setting.name] = setting } }
  func fail(_ error: StoreError?) { state.withLock { $0.failure = error } }

  func settings() async throws(StoreError) -> [StoredSetting] {
    if let failure = state.withLock({ $0.failure }) { throw failure }
    return stored
  }
  func set(_ setting: StoredSetting, by principal: Principal) async throws(StoreError) {
    if let failure = state.withLock({ $0.failure }) { throw failure }
    put(setting)
  }
  func dropSetting(_ name: String, by principal: Principal) async throws(StoreError) -> Bool {
    if let failure = state.withLock({ $0.failure }) { throw failure }
    return state.withLock { $0.stored.removeValue(forKey: name) != nil }
  }
}

/// Keeps lines as `warning provider key_invalid: …`.
final class NotedLog: ServiceLog {
  private let kept = Mutex<[String]>([])
  var lines: [String] { kept.withLock { $0 } }

  func record(
    _ level: LogLevel, _ component: String, _ message: String, _ fields: KeyValuePairs<String, String>
  ) {
    let words = ["\(level.rawValue) \(component) \(message)"] + fields.map { "\($0)=\($1)" }
    kept.withLock { $0.append(words.joined(separator: " ")) }
  }
}

extension ProviderSettings.Provider {
  /// An entry over HTTP; `key` nil sets none.
  static func remote(
    _ id: ProviderID, key: String? = nil, url: String = "http://127.0.0.1:9/v1", needsKey: Bool = false,
    _ change: (inout RemoteProviderSettings) -> Void = { _ in }
  ) -> ProviderSettings.Provider {
    var settings = RemoteProviderSettings(
      dialect: .openai, baseURL: url, model: "m", needsKey: needsKey, maximumTokensName: "max_tokens")
    settings.apiKey = key.map { Secret($0) }
    change(&settings)
    return ProviderSettings.Provider(id: id, kind: .remote(settings))
  }
}

extension ProviderSettings {
  init(_ providers: [Provider], named: ProviderID? = nil) {
    self.init()
    self.providers = providers
    namedDefault = named
    defaultID = named ?? providers.first?.id ?? "sandbox"
  }
}

extension ModelRequest {
  static func of(_ task: Int64 = 1) -> ModelRequest {
    ModelRequest(
      model: nil, messages: [.user("go")], tools: [], maxOutputTokens: 10, task: TaskID(number: task), agent: "coder",
      turn: 1)
  }
}
