import AgentCore

/// `keys/old-masters.box`: the master keys of before, sealed under the one in force, for archives made with them. While
/// a master key is being changed it holds a box for each of the two, so that whichever comes to stand opens it.
///
/// `{"boxes":[{"box":"base64","fingerprint":"…"}],"format":1}`; inside a box: 32 bytes a key, oldest first.
struct OldMasters: Sendable {
  /// By the fingerprint of the master key that opens it.
  var boxes: [String: [UInt8]]

  static let fileName = "old-masters.box"
  private static let format: Int64 = 1
  /// A change a week for two years; beyond it the oldest go.
  static let maximumKeys = 100

  init(boxes: [String: [UInt8]] = [:]) { self.boxes = boxes }

  init?(_ members: [String: JSONValue]) {
    guard members["format"] == .integer(Self.format), case .array(let items)? = members["boxes"] else { return nil }
    boxes = [:]
    for item in items {
      guard case .object(let entry) = item, let fingerprint = entry["fingerprint"]?.stringValue,
        let box = entry["box"]?.stringValue.flatMap(Base64.bytes)
      else { return nil }
      boxes[fingerprint] = box
    }
  }

  var json: JSONValue {
    [
      "format": .integer(Self.format),
      "boxes": .array(
        boxes.sorted { $0.key < $1.key }.map {
          ["fingerprint": .string($0.key), "box": .string(Base64.text($0.value))]
        }),
    ]
  }

  /// The keys in the box of `wrapping`, oldest first; nil where it has a box that does not open.
  func keys(under wrapping: WrappingKey) throws(VaultError) -> [MasterKey]? {
    guard let box = boxes[wrapping.fingerprint] else { return [] }
    guard var clear = wrapping.open(box, at: Self.place(wrapping)) else { return nil }
    defer { wipe(&clear) }
    var keys: [MasterKey] = []
    for start in stride(from: 0, to: clear.count - clear.count % KeyBlock.keyBytes, by: KeyBlock.keyBytes) {
      var bytes = Array(clear[start..<start + KeyBlock.keyBytes])
      defer { wipe(&bytes) }
      keys.append(MasterKey(key: try bytes.withLocked(in: wrapping.key.block)))
    }
    return keys
  }

  /// Puts the keys into the box of `wrapping`.
  mutating func put(_ keys: [MasterKey], under wrapping: WrappingKey) throws(VaultError) {
    var clear: [UInt8] = []
    clear.reserveCapacity(Self.maximumKeys * KeyBlock.keyBytes)
    defer { wipe(&clear) }
    for key in keys.suffix(Self.maximumKeys) { key.key.withBuffer { clear.append(contentsOf: $0) } }
    boxes[wrapping.fingerprint] = try wrapping.seal(clear, at: Self.place(wrapping))
  }

  private static func place(_ wrapping: WrappingKey) -> SealedPlace {
    SealedPlace(table: fileName, row: wrapping.fingerprint, column: "box")
  }
}

extension KeyFolder {
  func oldMasters() throws(VaultError) -> OldMasters {
    do throws(VaultError) {
      guard let members = try members(OldMasters.fileName) else { return OldMasters() }
      if let masters = OldMasters(members) { return masters }
    } catch .keyFileInvalid {
      // No JSON, or too long: damaged like one that has not our members.
    }
    throw Self.damagedMasters(path, "the master keys of before cannot be read, and a change would lose them")
  }

  static func damagedMasters(_ path: String, _ why: String) -> VaultError {
    .keyFileInvalid(
      path: "\(path)/\(OldMasters.fileName)",
      detail: "\(why): put the file back from a copy, or move it away to go on without them")
  }

  /// The file of the master keys of before is there and is none of ours. The service needs it for a change of the master
  /// key alone.
  package var areOldMastersDamaged: Bool {
    do throws(VaultError) { _ = try oldMasters() } catch .keyFileInvalid { return true } catch { return false }
    return false
  }

  /// The same of its box for the master key of that ring, too: one that does not open.
  package func areOldMastersDamaged(for ring: KeyRing) throws(VaultError) -> Bool {
    do throws(VaultError) {
      return try oldMasters().keys(under: ring.wrappingKey) == nil
    } catch .keyFileInvalid {
      return true
    }
  }

  func write(_ masters: OldMasters) throws(VaultError) {
    try write(OldMasters.fileName, masters.json.encoded() + [UInt8(ascii: "\n")])
  }
}
