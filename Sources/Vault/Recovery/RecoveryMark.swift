import AgentCore

/// `keys/recovery.confirmed`: which recovery code, and which copy of a master key, somebody has shown to have. Bound to
/// that very code or key: another one is unconfirmed anew. The proof says that a service which had the ring wrote it.
///
/// `{"code":{"at":"2026-…","public_key":"base64"},"master_key":{"at":"2026-…","fingerprint":"…"},"proof":"base64"}`
package struct RecoveryMark: Sendable, Hashable {
  package var code: (publicKey: [UInt8], at: Timestamp)?
  package var masterKey: (fingerprint: String, at: Timestamp)?
  /// Of all the rest, under a key of the ring: see `KeyRing.isProven`.
  var proof: [UInt8]?

  package init() {}

  /// Whether a way back is in somebody's hands: the code of this box, or a copy of this master key.
  package func holds(box: RecoveryBox?, fingerprint: String) -> Bool {
    if let code, let box, code.publicKey == box.publicKey { return true }
    return masterKey?.fingerprint == fingerprint
  }

  package static func == (left: RecoveryMark, right: RecoveryMark) -> Bool { left.json == right.json }
  package func hash(into hasher: inout Hasher) { hasher.combine(json.text) }

  fileprivate static let fileName = "recovery.confirmed"

  fileprivate init(_ members: [String: JSONValue]) {
    if case .object(let code)? = members["code"], let key = code["public_key"]?.stringValue.flatMap(Base64.bytes),
      let at = code["at"]?.stringValue.flatMap(Timestamp.init(rfc3339:))
    {
      self.code = (key, at)
    }
    if case .object(let master)? = members["master_key"], let fingerprint = master["fingerprint"]?.stringValue,
      let at = master["at"]?.stringValue.flatMap(Timestamp.init(rfc3339:))
    {
      masterKey = (fingerprint, at)
    }
    proof = members["proof"]?.stringValue.flatMap(Base64.bytes)
  }

  /// What the proof is of.
  var proven: [UInt8] {
    var mark = self
    mark.proof = nil
    return Array(Self.fileName.utf8) + mark.json.encoded()
  }

  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = [:]
    if let code {
      members["code"] = ["public_key": .string(Base64.text(code.publicKey)), "at": .string(code.at.text)]
    }
    if let masterKey {
      members["master_key"] = ["fingerprint": .string(masterKey.fingerprint), "at": .string(masterKey.at.text)]
    }
    if let proof { members["proof"] = .string(Base64.text(proof)) }
    return .object(members)
  }
}

extension KeyFolder {
  /// Nobody has confirmed anything where the file is not there, or is damaged.
  package func recoveryMark() throws(VaultError) -> RecoveryMark {
    do throws(VaultError) {
      return try members(RecoveryMark.fileName).map { RecoveryMark($0) } ?? RecoveryMark()
    } catch .keyFileInvalid {
      return RecoveryMark()
    }
  }

  func write(_ mark: RecoveryMark) throws(VaultError) {
    try write(RecoveryMark.fileName, mark.json.encoded() + [UInt8(ascii: "\n")])
  }
}
