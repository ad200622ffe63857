import AgentCore
import Synchronization

/// Finds the master key of a start, and says whether it is the one that the data is under, before a byte is written.
///
/// Its two questions are asked by the store under the folder's lock (`StoreKeyCheck`): before SQLite opens anything, and
/// when the database has been read.
package final class KeyAdmission: Sendable {
  package let folder: KeyFolder
  /// Where every key of the process lies.
  package let block: KeyBlock
  private let places: MasterKeyPlaces
  private let random: any RandomSource
  private let cipher: FieldCipher
  private let state = Mutex(State())

  private struct State: Sendable {
    var found: FoundMasterKey?
    var marks: [KeyFolder.Mark] = []
    var isMade = false
  }

  /// Checks the libraries first.
  /// - Throws: `crypto_self_test_failed`, `keys_unusable`.
  package init(dataFolder: String, places: MasterKeyPlaces, random: any RandomSource) throws(VaultError) {
    folder = KeyFolder(dataFolder: dataFolder)
    (self.places, self.random) = (places, random)
    cipher = try FieldCipher()
    block = if let block = places.block { block } else { try KeyBlock() }
  }

  /// Compares the master key with `keys/fingerprint`.
  ///
  /// - Throws: `master_key_conflict`, `master_key_invalid`, `master_key_missing`, `master_key_wrong`.
  package func beforeDatabase() throws(VaultError) {
    let found = try places.find(in: block)
    let marks = try folder.marks()
    if let found, !marks.isEmpty {
      let ours = try fingerprints(of: found.key, marks)
      guard marks.contains(where: { ours[$0.installation] == $0.fingerprint }) else {
        throw .masterKeyWrong(
          expected: marks.map(\.fingerprint),
          given: ours.sorted { $0.key < $1.key }.map(\.value).joined(separator: ", "))
      }
    }
    guard found != nil || marks.isEmpty else { throw .masterKeyMissing(sources: places.described) }
    state.withLock { ($0.found, $0.marks) = (found, marks) }
  }

  private func fingerprints(of key: MasterKey, _ marks: [KeyFolder.Mark]) throws(VaultError) -> [Int64: String] {
    var result: [Int64: String] = [:]
    for mark in marks where result[mark.installation] == nil {
      result[mark.installation] =
        try WrappingKey(key, installation: mark.installation, cipher: cipher).fingerprint
    }
    return result
  }

  /// Opens the ring that the database has; where there is none, makes sure of a master key and puts its mark down, so
  /// that the ring's first commit finds it on disk. Returns the installation's id.
  ///
  /// - Throws: `master_key_wrong`, `master_key_missing`, `key_ring_invalid`, `digest_key_conflict`, `keys_unusable`.
  package func beforeWriting(rows: [KeyRingRow], installation: Int64) throws(VaultError) -> Int64? {
    let (found, marks) = state.withLock { ($0.found, $0.marks) }
    if !rows.isEmpty {
      try folder.checkOldDigestKey(against: try ring(rows, installation: installation))
      return installation
    }
    let id = installation > 0 ? installation : marks.first?.installation ?? Int64(random.next() >> 2) + 1
    try folder.prepare()
    let key = if let found { found.key } else { try make() }
    let mark = KeyFolder.Mark(
      installation: id, fingerprint: try WrappingKey(key, installation: id, cipher: cipher).fingerprint)
    try folder.write([mark])
    state.withLock { $0.marks = [mark] }
    return id
  }

  /// What a start refuses there and at the opening of the ring after it, for one that is only tried: writes nothing.
  ///
  /// - Throws: as `beforeWriting`.
  package func tryWriting(rows: [KeyRingRow], installation: Int64) throws(VaultError) {
    guard rows.isEmpty else {
      _ = try beforeWriting(rows: rows, installation: installation)
      _ = try ring(rows, installation: installation).wayBack(in: folder)
      return
    }
    try folder.checkPrivate()
    let key = if let master { master.key } else { try MasterKey(randomIn: block) }
    let first = try KeyRing.firstRows(
      master: key, installation: installation, digestKey: try folder.oldDigestKey(in: block),
      at: Timestamp(milliseconds: 0))
    _ = try KeyRing(rows: first, master: key, installation: installation, cipher: cipher).wayBack(in: folder)
  }

  private func make() throws(VaultError) -> MasterKey {
    let key = try MasterKey(randomIn: block)
    try key.write(to: places.file)
    state.withLock { ($0.found, $0.isMade) = (FoundMasterKey(key: key, source: .file(places.file)), true) }
    return key
  }

  /// The key in force; nil before it was asked for.
  package var master: FoundMasterKey? { state.withLock { $0.found } }

  /// - Throws: `master_key_missing`.
  package func requiredMaster() throws(VaultError) -> FoundMasterKey {
    guard let master else { throw .masterKeyMissing(sources: places.described) }
    return master
  }

  /// There was none anywhere, and it was made as a file.
  package var isMasterMade: Bool { state.withLock { $0.isMade } }

  /// Whether the key lies in the data folder, where whoever takes the data takes the key.
  package var isMasterBesideData: Bool { master?.source.lies(in: folder) ?? false }

  /// The ring, once its rows are in the table.
  ///
  /// - Throws: `master_key_missing`, `key_ring_invalid`, `master_key_wrong`, which names what the folder says would do.
  package func ring(_ rows: [KeyRingRow], installation: Int64) throws(VaultError) -> KeyRing {
    let master = try requiredMaster()
    do throws(VaultError) {
      return try KeyRing(rows: rows, master: master.key, installation: installation, cipher: cipher)
    } catch .masterKeyWrong(_, let given) {
      // A new master key whose change never came about has its mark too.
      let marks = state.withLock { $0.marks }.filter { $0.installation == installation && $0.fingerprint != given }
      throw .masterKeyWrong(expected: marks.map(\.fingerprint), given: given)
    }
  }
}
