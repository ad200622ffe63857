import Foundation
import Glibc
import Synchronization

/// Stands where a service manager listens (sd_notify(3)): each datagram is one message.
package final class NotifySocket: Sendable {
  package struct Failure: Error { package var reason: String }

  private struct State {
    var messages: [String] = []
    var waiters: [(isMet: @Sendable ([String]) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
  }

  /// As `NOTIFY_SOCKET` names it: a path, or `@` and a name without a file.
  package let address: String
  private let descriptor: Int32
  private let state = Mutex(State())

  package init(_ address: String) throws {
    self.address = address
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    self.descriptor = descriptor
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(address.utf8)
    if address.hasPrefix("@") { bytes[0] = 0 }
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let result = withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    guard descriptor >= 0, result == 0 else { throw Failure(reason: String(cString: strerror(errno))) }
    Thread.detachNewThread { [weak self] in
      var buffer = [UInt8](repeating: 0, count: 8192)
      while true {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0, errno == EINTR { continue }
        guard count > 0, let self else { break }
        add(String(decoding: buffer[..<count], as: UTF8.self))
      }
      close(descriptor)
    }
  }

  deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

  /// All so far, in order.
  package var messages: [String] { state.withLock { $0.messages } }

  /// Returns the messages once `isMet` says so of them.
  @discardableResult
  package func messages(once isMet: @escaping @Sendable ([String]) -> Bool) async -> [String] {
    await withCheckedContinuation { continuation in
      let isReady = state.withLock { state in
        if isMet(state.messages) { return true }
        state.waiters.append((isMet, continuation))
        return false
      }
      if isReady { continuation.resume() }
    }
    return messages
  }

  private func add(_ message: String) {
    let ready = state.withLock { state in
      state.messages.append(message)
      let met = state.waiters.filter { $0.isMet(state.messages) }
      state.waiters.removeAll { $0.isMet(state.messages) }
      return met.map(\.continuation)
    }
    for continuation in ready { continuation.resume() }
  }
}
