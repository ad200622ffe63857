import CSodium
import Synchronization

/// The one stretch of memory that holds keys: locked so that it is never swapped, left out of core dumps, between guard
/// pages (`sodium_malloc`), and wiped slot by slot as keys are let go.
///
/// One block for a process: each costs pages of a small lock limit, and past that limit memory is silently not locked.
package final class KeyBlock: Sendable {
  private let memory: LockedMemory
  private let isUsed = Mutex([Bool](repeating: false, count: capacity))
  /// False where the operating system refused to lock the memory (`LimitMEMLOCK`): the keys may reach the swap.
  package let isLocked: Bool

  static let keyBytes = 32
  /// 8 KiB. A ring has a handful of keys; each rotation adds one until its pass is over.
  static let capacity = 256

  /// - Throws: `VaultError.sodiumUnavailable`, `VaultError.keyMemory`.
  package init() throws(VaultError) {
    guard sodium_init() >= 0 else { throw .sodiumUnavailable }
    let size = Self.capacity * Self.keyBytes
    guard let base = sodium_malloc(size) else { throw .keyMemory }
    // `sodium_malloc` locks as well, and does not say when it could not.
    isLocked = sodium_mlock(base, size) == 0
    sodium_memzero(base, size)
    memory = LockedMemory(base: base)
  }

  deinit { sodium_free(memory.base) }

  /// A copy of 32 bytes; the caller wipes its own.
  func store(_ bytes: UnsafeRawBufferPointer) throws(VaultError) -> LockedKey {
    precondition(bytes.count == Self.keyBytes, "a key has 32 bytes")
    let key = try take()
    if let source = bytes.baseAddress { address(of: key.slot).copyMemory(from: source, byteCount: Self.keyBytes) }
    return key
  }

  /// The same inside `withUnsafeBytes`, which would lose the error's type.
  func stored(_ bytes: UnsafeRawBufferPointer) -> Result<LockedKey, VaultError> {
    Result { () throws(VaultError) in try store(bytes) }
  }

  /// A new key of the operating system's generator, never of a source that a test can repeat.
  func random() throws(VaultError) -> LockedKey {
    let key = try take()
    randombytes_buf(address(of: key.slot), Self.keyBytes)
    return key
  }

  /// A key that `body` puts into its 32 bytes; nil where it says that it has none, and what it put there is wiped.
  func make(_ body: (UnsafeMutableRawPointer) -> Bool) throws(VaultError) -> LockedKey? {
    let key = try take()
    return body(address(of: key.slot)) ? key : nil
  }

  private func take() throws(VaultError) -> LockedKey {
    let slot = isUsed.withLock { isUsed -> Int? in
      guard let free = isUsed.firstIndex(of: false) else { return nil }
      isUsed[free] = true
      return free
    }
    guard let slot else { throw .keyMemory }
    return LockedKey(block: self, slot: slot)
  }

  fileprivate func address(of slot: Int) -> UnsafeMutableRawPointer {
    memory.base.advanced(by: slot * Self.keyBytes)
  }

  fileprivate func release(_ slot: Int) {
    sodium_memzero(address(of: slot), Self.keyBytes)
    isUsed.withLock { $0[slot] = false }
  }
}

/// A key in locked memory: wiped when its last holder lets go. Every way to text says `[secret]`, and nothing encodes it.
final class LockedKey: Sendable {
  let block: KeyBlock
  fileprivate let slot: Int

  fileprivate init(block: KeyBlock, slot: Int) { (self.block, self.slot) = (block, slot) }

  deinit { block.release(slot) }

  /// The 32 bytes, for the length of the call; the pointer must not leave it.
  func withBytes<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R {
    body(UnsafePointer(block.address(of: slot).assumingMemoryBound(to: UInt8.self)))
  }

  func withBuffer<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try body(UnsafeRawBufferPointer(start: block.address(of: slot), count: KeyBlock.keyBytes))
  }

  /// Takes the same time wherever two keys differ.
  func isEqual(to other: LockedKey) -> Bool {
    withBytes { ours in other.withBytes { theirs in sodium_memcmp(ours, theirs, KeyBlock.keyBytes) == 0 } }
  }
}

extension LockedKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  var description: String { "[secret]" }
  var debugDescription: String { "[secret]" }
  var customMirror: Mirror { Mirror(self, children: [], displayStyle: .class) }
}

// The pointer never changes. A slot behind it is written before the key that names it is handed out, only read while
// that key lives, and wiped by the last who held it: nobody writes what another reads.
private struct LockedMemory: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
}

/// Overwrites bytes that held a secret.
func wipe(_ bytes: inout [UInt8]) {
  bytes.withUnsafeMutableBytes { sodium_memzero($0.baseAddress, $0.count) }
}
