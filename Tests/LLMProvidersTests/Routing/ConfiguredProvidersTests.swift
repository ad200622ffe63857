import AgentCore
import AgentTestKit
import LLMProviders
import Testing

@Suite("The configured providers")
struct ConfiguredProvidersTests {
  private static func sandbox(_ id: ProviderID) -> SandboxProvider { SandboxProvider(id: id, clock: ManualClock()) }

  private static func providers(_ ids: ProviderID..., default defaultID: ProviderID) throws -> ConfiguredProviders {
    try ConfiguredProviders(
      providers: Dictionary(uniqueKeysWithValues: ids.map { ($0, sandbox($0)) }), defaultID: defaultID)
  }

  @Test("no name asks for the default, a name for its own provider")
  func lookup() throws {
    let providers = try Self.providers("zeta", "alpha", default: "zeta")
    #expect(try providers.provider(named: nil).id == "zeta")
    #expect(try providers.provider(named: "alpha").id == "alpha")
    #expect(providers.ids == ["alpha", "zeta"])
    #expect(providers.defaultID == "zeta")
  }

  @Test("a name that is not configured is provider_unknown, as default too")
  func unknown() throws {
    let providers = try Self.providers("alpha", default: "alpha")
    let error = #expect(throws: ProviderError.self) { try providers.provider(named: "beta") }
    #expect(error?.code == .providerUnknown)
    #expect(error?.detail.contains("beta") == true)
    #expect(throws: ProviderError.self) { try Self.providers("alpha", default: "beta") }
  }
}
