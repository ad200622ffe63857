import Dispatch
import Glibc

/// A client's socket, to say exactly what goes over the wire and see exactly what comes back.
final class RawConnection: Sendable {
  enum Failure: Error { case connect(Int32), timeout(String), write(Int32) }

  private let descriptor: Int32

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw Failure.connect(errno) }
  }

  init(path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw Failure.connect(errno) }
  }

  deinit { close(descriptor) }

  func send(_ text: String) throws {
    let bytes = Array(text.utf8)
    guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
      throw Failure.write(errno)
    }
  }

  /// What has come once `end` is among it, or the server closed (`end` nil), within ten seconds.
  func read(until end: String?) async throws -> String {
    let descriptor = descriptor
    return try await withCheckedThrowingContinuation { continuation in
      // A thread of its own: the pool's threads must not wait for a socket.
      DispatchQueue.global().async {
        var text = ""
        var room = [UInt8](repeating: 0, count: 65_536)
        while end.map({ !text.contains($0) }) ?? true {
          var waiter = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
          guard poll(&waiter, 1, 10_000) > 0 else { return continuation.resume(throwing: Failure.timeout(text)) }
          let count = recv(descriptor, &room, room.count, 0)
          if count <= 0 {
            if end == nil { break }
            return continuation.resume(throwing: Failure.timeout(text))
          }
          text += String(decoding: room[..<count], as: UTF8.self)
        }
        continuation.resume(returning: text)
      }
    }
  }
}
