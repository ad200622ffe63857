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
  /// `sandbox`: the offline provider is the default, whatever keys are set.
  let isSandbox: Bool

  /// The directory, a stored switch of the default in force.
  func directory(_ settings: ProviderSettings) async throws(StoreError) -> ProviderDirectory {
    let clock = clock
    let parts = ProviderDirectory.Parts(
      clock: clock, random: random, log: log, store: store, forcedDefault: isSandbox ? "sandbox" : nil
    ) { provider in
      switch provider.kind {
      case .sandbox(let script): SandboxProvider(id: provider.id, clock: clock, script: script)
      case .remote: UnbuiltProvider(id: provider.id)
      }
    }
    let directory = ProviderDirectory(settings, parts)
    try await directory.restore()
    return directory
  }
}

/// Stands for a provider over HTTP until there is one in this build.
private struct UnbuiltProvider: ModelProvider {
  let id: ProviderID

  func complete(
    _ request: ModelRequest, onDelta: @escaping @Sendable (String) -> Void
  ) async throws(ProviderError) -> ModelReply {
    throw ProviderError(.unreachable, "this build has no providers over HTTP")
  }
}
