import CSodium
import Crypto

/// One implementation of AES-256-GCM. All of them make the same bytes from the same input.
protocol CipherEngine: Sendable {
  var name: String { get }
  /// `prefix`, then ciphertext and tag; nil where the library failed.
  func seal(_ clear: [UInt8], after prefix: [UInt8], key: LockedKey, nonce: [UInt8], associated: [UInt8]) -> [UInt8]?
  /// The clear bytes of ciphertext and tag; nil for anything that this key did not seal so.
  func open(_ sealed: ArraySlice<UInt8>, key: LockedKey, nonce: [UInt8], associated: [UInt8]) -> [UInt8]?
}

/// libsodium's, for CPUs with AES instructions; the faster one for small values.
struct SodiumGCM: CipherEngine {
  let name = "libsodium"

  /// Nil where the CPU, or the library's build, has no AES.
  init?() {
    guard sodium_init() >= 0, crypto_aead_aes256gcm_is_available() == 1 else { return nil }
  }

  func seal(_ clear: [UInt8], after prefix: [UInt8], key: LockedKey, nonce: [UInt8], associated: [UInt8]) -> [UInt8]? {
    var sealed = prefix
    sealed.append(contentsOf: repeatElement(0, count: clear.count + SealedValue.tagBytes))
    let status = sealed.withUnsafeMutableBufferPointer { out -> Int32 in
      guard let base = out.baseAddress else { return -1 }
      return key.withBytes { key in
        crypto_aead_aes256gcm_encrypt(
          base.advanced(by: prefix.count), nil, clear, UInt64(clear.count), associated, UInt64(associated.count), nil,
          nonce, key)
      }
    }
    return status == 0 ? sealed : nil
  }

  func open(_ sealed: ArraySlice<UInt8>, key: LockedKey, nonce: [UInt8], associated: [UInt8]) -> [UInt8]? {
    guard sealed.count >= SealedValue.tagBytes else { return nil }
    // One byte at least, so that there is an address.
    var clear = [UInt8](repeating: 0, count: max(1, sealed.count - SealedValue.tagBytes))
    let status = sealed.withUnsafeBufferPointer { input -> Int32 in
      guard let base = input.baseAddress else { return -1 }
      return key.withBytes { key in
        crypto_aead_aes256gcm_decrypt(
          &clear, nil, nil, base, UInt64(input.count), associated, UInt64(associated.count), nonce, key)
      }
    }
    guard status == 0 else { return nil }
    if sealed.count == SealedValue.tagBytes { clear.removeAll() }
    return clear
  }
}

/// swift-crypto's: runs on every CPU, and is the faster one for large values.
struct CryptoGCM: CipherEngine {
  let name = "swift-crypto"

  func seal(_ clear: [UInt8], after prefix: [UInt8], key: LockedKey, nonce: [UInt8], associated: [UInt8]) -> [UInt8]? {
    do {
      let box = try AES.GCM.seal(
        clear, using: key.symmetric, nonce: AES.GCM.Nonce(data: nonce), authenticating: associated)
      var sealed = prefix
      sealed.reserveCapacity(prefix.count + clear.count + SealedValue.tagBytes)
      sealed.append(contentsOf: box.ciphertext)
      sealed.append(contentsOf: box.tag)
      return sealed
    } catch {
      return nil
    }
  }

  func open(_ sealed: ArraySlice<UInt8>, key: LockedKey, nonce: [UInt8], associated: [UInt8]) -> [UInt8]? {
    guard sealed.count >= SealedValue.tagBytes else { return nil }
    do {
      let box = try AES.GCM.SealedBox(
        nonce: AES.GCM.Nonce(data: nonce), ciphertext: sealed.dropLast(SealedValue.tagBytes),
        tag: sealed.suffix(SealedValue.tagBytes))
      return [UInt8](try AES.GCM.open(box, using: key.symmetric, authenticating: associated))
    } catch {
      return nil
    }
  }
}

extension LockedKey {
  /// A copy in the library's own memory, which it wipes but does not lock: for the length of one call.
  var symmetric: SymmetricKey { withBuffer { SymmetricKey(data: $0) } }
}
