import AgentAPI
import AgentCore
import AgentRuntime

/// One verb on the keys: a request to the service, or the same on the folder of a stopped one.
enum KeyOrder: Sendable {
  case show
  case rotate
  case rotateMaster(Secret)
  case cancelMaster
  /// Answers `{"code":…}`.
  case newRecoveryCode
  case confirm(KeyProof)

  var request: APIRequest {
    switch self {
    case .show: APIRequest(.get, "/api/keys")
    case .rotate: APIRequest(.post, "/api/keys:rotate")
    case .rotateMaster(let key):
      APIRequest(.post, "/api/keys:rotate-master", body: ["master_key": .string(key.reveal())])
    case .cancelMaster: APIRequest(.post, "/api/keys:rotate-master", body: ["cancel": true])
    case .newRecoveryCode: APIRequest(.post, "/api/keys/recovery:new")
    case .confirm(.recoveryCode(let code)):
      APIRequest(.post, "/api/keys/recovery:confirm", body: ["code": .string(code.reveal())])
    case .confirm(.masterKey(let key)):
      APIRequest(.post, "/api/keys/recovery:confirm", body: ["master_key": .string(key.reveal())])
    }
  }

  func perform(on board: KeyBoard) async throws(ServiceError) -> JSONValue {
    switch self {
    case .show: try await board.show()
    case .rotate: try await board.rotate()
    case .rotateMaster(let key): try await board.rotateMaster(key)
    case .cancelMaster: try await board.cancelMaster()
    case .newRecoveryCode: ["code": .string(try await board.newRecoveryCode().reveal())]
    case .confirm(let proof): try await board.confirm(proof)
    }
  }
}

extension ClientSession {
  /// The service's answer, or with `--data` what this process does itself.
  func keys(_ order: KeyOrder, _ stopped: StoppedOptions) async throws(ClientError) -> JSONValue {
    guard let data = stopped.data else { return try await api.call(order.request).json }
    let warn: @Sendable (String) -> Void = { [console] in console.warn(TerminalText.line($0)) }
    let keyFile = try ConfiguredKeyFile.find(
      data: data.absolute, config: stopped.config?.absolute, environment: input.environment, warn: warn)
    return try await StoppedKeys(
      folder: data.absolute, configuredFile: keyFile, givenFile: stopped.masterKeyFile?.absolute, clock: clock,
      random: random, warn: warn
    ).perform(order)
  }
}
