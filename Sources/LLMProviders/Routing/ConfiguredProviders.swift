import AgentCore

/// The providers that one reading of the configuration gave, and which of them is asked when a task names none.
package struct ConfiguredProviders: ProviderRegistry {
  /// Who is asked when a task names no provider; always one of these.
  package let defaultID: ProviderID
  private let providers: [ProviderID: any ModelProvider]

  /// Throws `.providerUnknown` when the default is not one of the providers.
  package init(
    providers: [ProviderID: any ModelProvider], defaultID: ProviderID
  ) throws(ProviderError) {
    guard providers[defaultID] != nil else { throw Self.unknown(defaultID) }
    (self.providers, self.defaultID) = (providers, defaultID)
  }

  /// Names of all providers, sorted.
  package var ids: [ProviderID] { providers.keys.sorted() }

  /// Nil asks for the default; throws `.providerUnknown` for a name that configuration does not have.
  package func provider(named id: ProviderID?) throws(ProviderError) -> any ModelProvider {
    guard let provider = providers[id ?? defaultID] else { throw Self.unknown(id ?? defaultID) }
    return provider
  }

  private static func unknown(_ id: ProviderID) -> ProviderError {
    ProviderError(.providerUnknown, "no provider is called '\(id)'")
  }
}
