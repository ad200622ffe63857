import AgentCore
import Glibc
import Vault

extension StoreError {
  init(_ failure: FileFailure) {
    let code: Code =
      switch failure.code {
      case ENOSPC, EDQUOT: .diskFull
      case EROFS: .storageReadOnly
      default: .storageIOError
      }
    self.init(code, "\(failure).")
  }
}
