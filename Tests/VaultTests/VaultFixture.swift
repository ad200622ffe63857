import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

@testable import Vault

/// A ring in memory, with its rows as the table would hold them.
struct RingFixture {
  static let installation: Int64 = 4711
  static let start = Timestamp(milliseconds: 1_700_000_000_000)
  static let place = SealedPlace(table: "journal", row: "7", column: "body", pointer: "/input/api_key")

  let block: KeyBlock
  let master: MasterKey
  var rows: [KeyRingRow]

  init() throws {
    block = try KeyBlock()
    master = try MasterKey(randomIn: block)
    rows = try KeyRing.firstRows(
      master: master, installation: Self.installation, digestKey: nil, at: Self.start)
  }

  func ring(_ key: MasterKey? = nil) throws -> KeyRing {
    try KeyRing(rows: rows, master: key ?? master, installation: Self.installation)
  }

  /// What the store does in one commit.
  mutating func add(_ row: KeyRingRow, opening: UInt32) {
    for index in rows.indices where rows[index].id == opening { rows[index].state = .opening }
    rows.append(row)
  }

  mutating func set(_ wraps: KeyWraps) {
    for index in rows.indices {
      if let wrap = wraps[rows[index].id] { (rows[index].wrapped, rows[index].otherWrap) = (wrap.wrapped, wrap.other) }
    }
  }
}

extension TemporaryFolder {
  /// Every file below, with its bytes and mode.
  func contents() throws -> [String: [UInt8]] {
    var result: [String: [UInt8]] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
      var status = stat()
      _ = lstat(appending(name), &status)
      let isFile = status.st_mode & S_IFMT == S_IFREG
      let bytes = isFile ? [UInt8](try Data(contentsOf: URL(fileURLWithPath: appending(name)))) : []
      result[name + " \(status.st_mode) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"] = bytes
    }
    return result
  }

  func write(_ name: String, _ text: String, mode: mode_t) throws {
    let path = appending(name)
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    #expect(chmod(path, mode) == 0)
  }
}

func base64(_ byte: UInt8, count: Int = 32) -> String {
  Data([UInt8](repeating: byte, count: count)).base64EncodedString()
}

/// As the variable of the environment is taken over.
func taken(_ byte: UInt8) -> TakenMasterKey {
  Array(base64(byte).utf8).withUnsafeBytes { TakenMasterKey(variable: $0) }
}
