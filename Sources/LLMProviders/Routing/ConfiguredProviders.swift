import AgentCore
import Synchronization

/// The provider table in force. It is exchanged as a whole, so that no caller ever sees half of a reload; a call that
/// already has its provider goes on with it.
package final class ConfiguredProviders: ProviderRegistry {
  private let table: Mutex<ProviderTable>

  package init(_ table: ProviderTable) { self.table = Mutex(table) }

  /// Throws `.providerUnknown` when the default is not one of the providers.
  package convenience init(
    providers: [ProviderID: any ModelProvider], defaultID: ProviderID
  ) throws(ProviderError) {
    self.init(try ProviderTable(providers: providers, defaultID: defaultID))
  }

  /// The table as it is now; later exchanges do not change the value returned.
  package var current: ProviderTable { table.withLock { $0 } }

  /// Names of all providers, sorted.
  package var ids: [ProviderID] { current.ids }

  /// Who is asked when a task names no provider.
  package var defaultID: ProviderID { current.defaultID }

  /// Nil asks for the default; throws `.providerUnknown` for a name that configuration does not have.
  package func provider(named id: ProviderID?) throws(ProviderError) -> any ModelProvider {
    try current.provider(named: id)
  }

  /// Puts another table in force, for a reload.
  package func replace(with table: ProviderTable) { self.table.withLock { $0 = table } }

  /// Switches the default from the next model call on; throws `.providerUnknown` and changes nothing.
  package func setDefault(_ id: ProviderID) throws(ProviderError) {
    let outcome = table.withLock { table -> Result<Void, ProviderError> in
      do throws(ProviderError) {
        table = try table.withDefault(id)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try outcome.get()
  }
}
