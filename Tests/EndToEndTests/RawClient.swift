import AgentTestKit
import Foundation
import Glibc

/// A bare connection to a unix socket, for clients that behave as no library would.
final class RawClient: Sendable {
  private let descriptor: Int32

  init(unixPath: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: unixPath.utf8) }
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard code == 0 else { throw POSIXError(.ECONNREFUSED) }
  }

  /// `address`: as the service prints it, `http://127.0.0.1:PORT`.
  init(tcp address: String) throws {
    guard let port = address.split(separator: ":").last.flatMap({ UInt16($0) }) else { throw POSIXError(.EINVAL) }
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = port.bigEndian
    place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let code = withUnsafePointer(to: &place) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else { throw POSIXError(.ECONNREFUSED) }
  }

  func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  func close() { _ = Glibc.close(descriptor) }

  /// Waits, without reading, until the other side has closed; false when the time is up.
  func isHungUp(withinSeconds limit: Int32) async -> Bool {
    await onThread { descriptor in
      // Not Glibc's constant: that one needs _GNU_SOURCE.
      let peerClosed: Int16 = 0x2000
      var waiter = pollfd(fd: descriptor, events: peerClosed, revents: 0)
      return poll(&waiter, 1, limit * 1000) > 0
    }
  }

  /// Waits, without taking anything, until at least so many bytes are there to read; false at the connection's end and
  /// after ten seconds.
  func holds(bytes count: Int) async -> Bool {
    await onThread { descriptor in
      var room = [UInt8](repeating: 0, count: count)
      // Peeking never waits for all of them: MSG_WAITALL does not go with MSG_PEEK on these sockets.
      for _ in 0..<1000 {
        let there = recv(descriptor, &room, count, Int32(MSG_PEEK))
        if there >= count { return true }
        if there <= 0 { return false }
        var nobody = pollfd(fd: -1, events: 0, revents: 0)
        _ = poll(&nobody, 1, 10)
      }
      return false
    }
  }

  /// Everything that comes until the other side closes.
  func rest() async -> [UInt8] {
    await onThread { descriptor in
      var (all, room) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
      while true {
        let count = recv(descriptor, &room, room.count, 0)
        guard count > 0 else { return all }
        all += room[..<count]
      }
    }
  }

  /// The pool's threads must not wait for a socket.
  private func onThread<Value: Sendable>(_ body: @escaping @Sendable (Int32) -> Value) async -> Value {
    let descriptor = descriptor
    return await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: body(descriptor)) }
    }
  }

  /// The body of a chunked answer (RFC 9112, section 7.1), as far as it goes.
  static func dechunked(_ answer: [UInt8]) -> [UInt8] {
    let lineEnd = Array("\r\n".utf8)
    guard let head = answer.firstRange(of: lineEnd + lineEnd) else { return [] }
    var (rest, body) = (answer[head.upperBound...], [UInt8]())
    while let line = rest.firstRange(of: lineEnd),
      let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16), size > 0
    {
      rest = rest[line.upperBound...]
      body += rest.prefix(size)
      rest = rest.dropFirst(size + lineEnd.count)
    }
    return body
  }
}
