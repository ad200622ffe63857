import AgentCore
import Vault

/// A master key that no file holds, and rings under it.
package struct TestKeys: Sendable {
  package let master: MasterKey
  package let installation: Int64

  package init(installation: Int64 = 7) throws {
    master = try MasterKey(randomIn: KeyBlock())
    self.installation = installation
  }

  /// The rows of a new ring: field key 1, digest key 2.
  package func firstRows(at time: Timestamp = Timestamp(milliseconds: 0)) throws -> [KeyRingRow] {
    try KeyRing.firstRows(master: master, installation: installation, digestKey: nil, at: time)
  }

  package func ring(_ rows: [KeyRingRow]) throws -> KeyRing {
    try KeyRing(rows: rows, master: master, installation: installation)
  }

  /// A ring that no table holds.
  package static func ring() throws -> KeyRing {
    let keys = try TestKeys()
    return try keys.ring(try keys.firstRows())
  }
}
