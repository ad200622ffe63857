import AgentConfig
import AgentCore
import HTTPTransport
import LLMProviders

/// Builds the providers of the configuration, with what they send through.
struct ProviderComposition {
  let clock: any WallClock
  let random: any RandomSource
  let log: any ServiceLog
  let store: any SettingStore
  /// Shared with nothing else: no tool is to ride on a provider's open connection.
  let transport: CurlTransport
  /// `sandbox`: the offline provider is the default, whatever keys are set.
  let isSandbox: Bool
  /// What errors must not quote of a request's body.
  let sensitive: SensitivePolicy

  /// The directory, a stored switch of the default in force.
  func directory(_ settings: ProviderSettings) async throws(StoreError) -> ProviderDirectory {
    let (clock, transport, sensitive, largeAnswers) = (clock, transport, sensitive, LargeAnswers())
    let parts = ProviderDirectory.Parts(
      clock: clock, random: random, log: log, store: store, forcedDefault: isSandbox ? "sandbox" : nil
    ) { provider in
      switch provider.kind {
      case .sandbox(let script): SandboxProvider(id: provider.id, clock: clock, script: script)
      case .remote(let remote):
        RemoteProvider(
          id: provider.id, settings: remote, transport: transport, clock: clock, sensitive: sensitive,
          largeAnswers: largeAnswers)
      }
    }
    let directory = ProviderDirectory(settings, parts)
    try await directory.restore()
    return directory
  }
}
