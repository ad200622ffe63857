import AgentCore
import CSodium

/// The one key that opens all others: 32 random bytes, written as base64. Every way to text says `[secret]`.
package struct MasterKey: Sendable {
  let key: LockedKey

  init(key: LockedKey) { self.key = key }

  /// A new one of the operating system's generator.
  package init(randomIn block: KeyBlock) throws(VaultError) { key = try block.random() }

  /// Base64 of 32 bytes, with or without a line break at its end, decoded straight into locked memory. `source` names it
  /// in the error.
  /// - Throws: `VaultError.masterKeyInvalid`.
  package init(base64 text: UnsafeRawBufferPointer, source: String, block: KeyBlock) throws(VaultError) {
    var end = text.count
    while end > 0, [0x20, 0x09, 0x0A, 0x0D].contains(text[end - 1]) { end -= 1 }
    let key = try block.make { out in
      var count = 0
      // What has more bytes than there is room for is refused as well.
      let status = sodium_base642bin(
        out.assumingMemoryBound(to: UInt8.self), KeyBlock.keyBytes,
        text.baseAddress?.assumingMemoryBound(to: CChar.self),
        end, nil, &count, nil, sodium_base64_VARIANT_ORIGINAL)
      return status == 0 && count == KeyBlock.keyBytes
    }
    guard let key else {
      throw .masterKeyInvalid(source: source, detail: "it is not 32 bytes in base64 (`openssl rand -base64 32`)")
    }
    self.key = key
  }

  /// The same of bytes that the caller wipes, or that were text before.
  package init(base64 text: [UInt8], source: String, block: KeyBlock) throws(VaultError) {
    self = try text.withUnsafeBytes { text in
      Result { () throws(VaultError) in try MasterKey(base64: text, source: source, block: block) }
    }.get()
  }

  /// As its file holds it: 44 characters and a line break. The caller wipes it.
  func base64Line() -> [UInt8] {
    var text = [UInt8](repeating: 0, count: Self.base64Bytes + 1)
    text.withUnsafeMutableBytes { out in
      guard let base = out.baseAddress?.assumingMemoryBound(to: CChar.self) else { return }
      _ = key.withBytes { bytes in
        sodium_bin2base64(base, out.count, bytes, KeyBlock.keyBytes, sodium_base64_VARIANT_ORIGINAL)
      }
    }
    text[Self.base64Bytes] = UInt8(ascii: "\n")
    return text
  }

  private static let base64Bytes = 44

  package var block: KeyBlock { key.block }

  package func isEqual(to other: MasterKey) -> Bool { key.isEqual(to: other.key) }
}

extension MasterKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { Secret.placeholder }
  package var debugDescription: String { Secret.placeholder }
  package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
