import AgentAPI
import AgentCore
import AgentPersistence
import AgentRuntime
import Foundation
import Vault

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

/// Does a verb on the keys of a data folder that no service holds.
struct StoppedKeys: Sendable {
  let folder: String
  /// `keys.master_file`, where the configuration names one.
  let configuredFile: String?
  /// `--master-key-file`.
  let givenFile: String?
  let clock: any WallClock
  let random: any RandomSource
  let warn: @Sendable (String) -> Void

  func perform(_ order: KeyOrder) async throws(ClientError) -> JSONValue {
    defer { DataOwner.endVisit() }
    // The store would make the folder: a mistyped path must not become an empty database with keys of its own.
    guard access(folder + "/agent.db", F_OK) == 0 else {
      throw .usage("there is no database in \(folder): name the data folder of a service")
    }
    let (file, keys) = try await open(for: order)
    let desk = KeyDesk(keys, clock: clock, log: NoLog())
    let result: Result<JSONValue, ServiceError>
    do throws(ServiceError) { result = .success(try await order.perform(on: desk.board)) } catch {
      result = .failure(error)
    }
    await file.close()
    do throws(ServiceError) { return try result.get() } catch {
      throw .refused(error.code, error.detail)
    }
  }

  private func open(for order: KeyOrder) async throws(ClientError) -> (StoreFile, OpenKeys) {
    do {
      let places = try Self.places(folder: folder, configuredFile: configuredFile, givenFile: givenFile)
      // The file that a code goes to is root's own, and is written or taken away after this.
      if case .newRecoveryCode = order {
        try DataOwner.visit(ofFolder: folder)
      } else {
        try DataOwner.become(ofFolder: folder)
      }
      let composition = try KeyComposition(dataFolder: folder, places: places, random: random)
      let warn = warn
      var options = StoreOptions(
        folder: folder, clock: clock, random: random,
        log: { level, line in if level == .warning || level == .error { warn(line) } })
      options.keyCheck = composition.check
      let file = try StoreFile.open(options)
      do {
        return (file, try await composition.open(file, log: NoLog()))
      } catch {
        await file.close()
        throw error
      }
    } catch let error as StoreStartError {
      throw .refused(error.word, error.detail)
    } catch let error as VaultError {
      throw .refused(error.code, "\(error)")
    } catch let error as StoreError {
      throw .refused(error.code.rawValue, error.detail)
    } catch {
      throw .refused("failed", "\(error)")
    }
  }
}

extension StoppedKeys {
  /// Where the master key of a stopped service's folder is looked for. What only root may read is read now: the process
  /// becomes the folder's owner next.
  static func places(
    folder: String, configuredFile: String?, givenFile: String?
  ) throws(VaultError) -> MasterKeyPlaces {
    let environment = KeyEnvironment.takenOver()
    KeyEnvironment.hideMemory()
    let block = if let taken = environment.master?.block { taken } else { try KeyBlock() }
    let owner = geteuid() == 0 ? DataOwner.owner(ofFolder: folder) : nil
    let handed =
      if let givenFile {
        try HandedMasterKey(reading: givenFile, orOf: owner, block: block)
      } else {
        try HandedMasterKey.ofPackage(block: block)
      }
    return environment.places(dataFolder: folder, masterFile: configuredFile, handed: handed)
  }
}

extension ClientError {
  /// What this process refuses itself, with the code that the service would give.
  static func refused(_ code: String, _ detail: String) -> ClientError {
    .problem(Problem(status: 0, code: code, detail: detail))
  }
}
