import AgentCore
import AgentTestKit
import Foundation
import Testing

@testable import Vault

@Suite struct DigestKeyTests {
  /// RFC 4231 section 4, test cases 1 to 4, 6 and 7 (5 is about truncation).
  static let knownAnswers: [(key: [UInt8], message: [UInt8], code: String)] = [
    (
      [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    ),
    (
      Array(0x01...0x19), [UInt8](repeating: 0xCD, count: 50),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
    ),
    (
      [UInt8](repeating: 0xAA, count: 131), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
    (
      [UInt8](repeating: 0xAA, count: 131),
      Array(
        ("This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
          + "hashed before being used by the HMAC algorithm.").utf8),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
    ),
  ]

  @Test("The codes are those of RFC 4231", arguments: knownAnswers.indices)
  func knownAnswer(index: Int) {
    let known = Self.knownAnswers[index]
    let code = DigestKey.authenticate(known.message, key: known.key)
    #expect(code.map { String(format: "%02x", $0) }.joined() == known.code)
  }

  @Test("A digest is the code under the key, in 64 lower-case digits")
  func digest() throws {
    let bytes = [UInt8](1...32)
    let key = try DigestKey(bytes: bytes, in: KeyBlock())
    let expected = DigestKey.authenticate(Array("abc".utf8), key: bytes).map { String(format: "%02x", $0) }.joined()
    #expect(key.digest(Array("abc".utf8)) == expected)
    #expect(expected.count == 64)
  }

  /// A data folder as versions before the ring left it.
  private func old(_ bytes: [UInt8] = [UInt8](1...32)) throws -> TemporaryFolder {
    let folder = try TemporaryFolder("digest")
    try FileManager.default.createDirectory(
      atPath: folder.appending("keys"), withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    try Data(bytes).write(to: URL(fileURLWithPath: folder.appending("keys/digest.key")))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o600], ofItemAtPath: folder.appending("keys/digest.key"))
    return folder
  }

  private func read(_ folder: TemporaryFolder) throws(VaultError) -> [UInt8]? {
    try KeyFolder(dataFolder: folder.path).oldDigestKey(in: KeyBlock())?.key.withBuffer { Array($0) }
  }

  @Test("the file of an older version is read as it stands; where there is none, there is no key")
  func oldFile() throws {
    #expect(try read(old()) == [UInt8](1...32))
    #expect(try read(TemporaryFolder("digest")) == nil)
  }

  @Test("A key that others may read is refused", arguments: [("keys", 0o750), ("keys/digest.key", 0o640)])
  func openToOthers(name: String, mode: Int) throws {
    let folder = try old()
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.appending(name))
    #expect(throws: VaultError.keyPermissions(path: folder.appending(name))) { try read(folder) }
  }

  @Test("A file of another length is no key, and stays as it is", arguments: [0, 31, 33])
  func wrongLength(count: Int) throws {
    let bytes = [UInt8](repeating: 7, count: count)
    let folder = try old(bytes)
    #expect(throws: VaultError.self) { try read(folder) }
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.appending("keys/digest.key"))) == Data(bytes))
  }

  @Test("A link in the key's place is refused")
  func link() throws {
    let folder = try old()
    let path = folder.appending("keys/digest.key")
    try FileManager.default.moveItem(atPath: path, toPath: folder.appending("elsewhere"))
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: folder.appending("elsewhere"))
    #expect(throws: VaultError.self) { try read(folder) }
  }
}
