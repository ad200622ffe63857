import AgentCore
import AgentRuntime

/// What the routes ask about the keys. Rings and files are the program's; the API carries orders and answers.
package struct KeyBoard: Sendable {
  /// The ring, where the master key came from, how far a pass is, whether there is a way back: no key is in it.
  package var show: @Sendable () async throws(ServiceError) -> JSONValue
  /// Makes a new field key and begins to seal everything anew with it; answers as `show`.
  package var rotate: @Sendable () async throws(ServiceError) -> JSONValue
  /// Wraps the ring under a new master key too, given as base64, in the place of one that waits; answers as `show`.
  package var rotateMaster: @Sendable (Secret) async throws(ServiceError) -> JSONValue
  /// Lets go of a new master key that waits; answers as `show`.
  package var cancelMaster: @Sendable () async throws(ServiceError) -> JSONValue
  /// Makes a new recovery code, which is in this answer and nowhere else.
  package var newRecoveryCode: @Sendable () async throws(ServiceError) -> Secret
  /// Notes that somebody has the code, or a copy of the master key; answers as `show`.
  package var confirm: @Sendable (KeyProof) async throws(ServiceError) -> JSONValue

  package init(
    show: @escaping @Sendable () async throws(ServiceError) -> JSONValue,
    rotate: @escaping @Sendable () async throws(ServiceError) -> JSONValue,
    rotateMaster: @escaping @Sendable (Secret) async throws(ServiceError) -> JSONValue,
    cancelMaster: @escaping @Sendable () async throws(ServiceError) -> JSONValue,
    newRecoveryCode: @escaping @Sendable () async throws(ServiceError) -> Secret,
    confirm: @escaping @Sendable (KeyProof) async throws(ServiceError) -> JSONValue
  ) {
    (self.show, self.rotate, self.rotateMaster) = (show, rotate, rotateMaster)
    self.cancelMaster = cancelMaster
    (self.newRecoveryCode, self.confirm) = (newRecoveryCode, confirm)
  }

  /// Of a service without keys, as tests of other routes have it.
  package static let none: KeyBoard = {
    let absent = ServiceError("keys_unusable", "this service has no keys")
    return KeyBoard(
      show: { () throws(ServiceError) in throw absent }, rotate: { () throws(ServiceError) in throw absent },
      rotateMaster: { _ throws(ServiceError) in throw absent },
      cancelMaster: { () throws(ServiceError) in throw absent },
      newRecoveryCode: { () throws(ServiceError) in throw absent },
      confirm: { _ throws(ServiceError) in throw absent })
  }()
}

/// What shows that somebody could open the data without this machine.
package enum KeyProof: Sendable, Hashable {
  case recoveryCode(Secret)
  /// Base64.
  case masterKey(Secret)
}
