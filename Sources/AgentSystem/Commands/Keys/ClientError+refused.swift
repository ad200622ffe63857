import AgentCore
import AgentPersistence
import Vault

/// What this process refuses itself, where no service is asked.
extension ClientError {
  /// With the code that the service would give.
  static func refused(_ code: String, _ detail: String) -> ClientError {
    .problem(Problem(status: 0, code: code, detail: detail))
  }

  /// Whatever the keys, the store or its start refused, by its own code.
  init(refusing error: any Error) {
    self =
      switch error {
      case let error as ClientError: error
      case let error as StoreStartError: .refused(error.word, error.detail)
      case let error as VaultError: .refused(error.code, "\(error)")
      case let error as StoreError: .refused(error.code.rawValue, error.detail)
      default: .refused("failed", "\(error)")
      }
  }
}
