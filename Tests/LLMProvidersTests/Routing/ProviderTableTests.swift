import AgentCore
import AgentTestKit
import LLMProviders
import Testing

@Suite("The table of providers")
struct ProviderTableTests {
  private static func sandbox(_ id: ProviderID) -> SandboxProvider { SandboxProvider(id: id, clock: ManualClock()) }

  private static func table(_ ids: ProviderID..., default defaultID: ProviderID) throws -> ProviderTable {
    try ProviderTable(
      providers: Dictionary(uniqueKeysWithValues: ids.map { ($0, sandbox($0)) }), defaultID: defaultID)
  }

  @Test("no name asks for the default, a name for its own provider")
  func lookup() throws {
    let providers = ConfiguredProviders(try Self.table("zeta", "alpha", default: "zeta"))
    #expect(try providers.provider(named: nil).id == "zeta")
    #expect(try providers.provider(named: "alpha").id == "alpha")
    #expect(providers.ids == ["alpha", "zeta"])
    #expect(providers.defaultID == "zeta")
  }

  @Test("a name that is not configured is provider_unknown, as default too")
  func unknown() throws {
    let providers = ConfiguredProviders(try Self.table("alpha", default: "alpha"))
    let error = #expect(throws: ProviderError.self) { try providers.provider(named: "beta") }
    #expect(error?.code == .providerUnknown)
    #expect(error?.detail.contains("beta") == true)
    #expect(throws: ProviderError.self) { try Self.table("alpha", default: "beta") }
  }

  @Test("a reload exchanges the whole table and leaves values handed out before as they were")
  func replacing() throws {
    let providers = ConfiguredProviders(try Self.table("alpha", default: "alpha"))
    let before = providers.current
    providers.replace(with: try Self.table("beta", "gamma", default: "gamma"))
    #expect(providers.ids == ["beta", "gamma"])
    #expect(try providers.provider(named: nil).id == "gamma")
    #expect(before.ids == ["alpha"])
  }

  @Test("the default switches to a known provider and stays when the new one is unknown")
  func switching() throws {
    let providers = ConfiguredProviders(try Self.table("alpha", "beta", default: "alpha"))
    try providers.setDefault("beta")
    #expect(try providers.provider(named: nil).id == "beta")
    #expect(throws: ProviderError.self) { try providers.setDefault("gamma") }
    #expect(providers.defaultID == "beta")
  }
}
