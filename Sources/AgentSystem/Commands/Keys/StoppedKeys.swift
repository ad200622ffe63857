import AgentCore
import AgentPersistence
import AgentRuntime
import Foundation
import Vault

/// Does a verb on the keys of a data folder that no service holds.
struct StoppedKeys: Sendable {
  let folder: String
  /// `keys.master_file`, where the configuration names one.
  let configuredFile: String?
  /// `--master-key-file`.
  let givenFile: String?
  let clock: any WallClock
  let random: any RandomSource
  /// Told what the service would log as a WARN or an ERROR.
  let warn: @Sendable (String) -> Void

  func perform(_ order: KeyOrder) async throws(ClientError) -> JSONValue {
    defer { DataOwner.endVisit() }
    // The store would make the folder: a mistyped path must not become an empty database with keys of its own.
    guard access(folder + "/agent.db", F_OK) == 0 else {
      throw .usage("there is no database in \(folder): name the data folder of a service")
    }
    let log = WarningLog(warn: warn)
    let (file, keys) = try await open(for: order, log)
    let desk = KeyDesk(keys, clock: clock, log: log)
    let result: Result<JSONValue, ServiceError>
    do throws(ServiceError) { result = .success(try await order.perform(on: desk.board)) } catch {
      result = .failure(error)
    }
    await file.close()
    do throws(ServiceError) { return try result.get() } catch {
      throw .refused(error.code, error.detail)
    }
  }

  private func open(for order: KeyOrder, _ log: WarningLog) async throws(ClientError) -> (StoreFile, OpenKeys) {
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
        return (file, try await composition.open(file, log: log))
      } catch {
        await file.close()
        throw error
      }
    } catch {
      throw ClientError(refusing: error)
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

/// Hands on what somebody should do something about, a sentence at a time: for whoever runs a command, who reads no log.
struct WarningLog: ServiceLog {
  let warn: @Sendable (String) -> Void

  func record(
    _ level: LogLevel, _ component: String, _ message: String, _ fields: KeyValuePairs<String, String>
  ) {
    if level == .warning || level == .error { warn(message) }
  }
}
