import Foundation
import Glibc

/// A forward proxy that goes to servers on 127.0.0.1: CONNECT by a tunnel, other requests by their absolute form.
package enum ForwardProxy {
  /// Every request must carry these basic credentials; nil: none are asked for.
  package static func start(credentials: String? = nil) throws -> LoopbackServer {
    try LoopbackServer { connection, _ in
      guard let request = connection.readRequest() else { return }
      let wanted = credentials.map { "Basic " + Data($0.utf8).base64EncodedString() }
      guard wanted == nil || request.headers["proxy-authorization"] == wanted else {
        connection.write("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        return
      }
      let isTunnel = request.method == "CONNECT"
      let target = isTunnel ? request.target : request.target.replacing("http://", with: "")
      let authority = target.prefix { $0 != "/" }
      guard let port = authority.split(separator: ":").last.flatMap({ UInt16($0) }) else { return }
      let upstream = connect(port)
      defer { close(upstream) }
      if isTunnel {
        connection.write("HTTP/1.1 200 Connection established\r\n\r\n")
      } else {
        let fields = request.headers.filter { !$0.key.hasPrefix("proxy-") }.map { "\($0.key): \($0.value)" }
        let lines = ["\(request.method) \(target.dropFirst(authority.count)) HTTP/1.1"] + fields
        write(lines.joined(separator: "\r\n") + "\r\n\r\n" + request.body, to: upstream)
      }
      pump(connection.descriptor, upstream)
    }
  }

  private static func connect(_ port: UInt16) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = Glibc.connect(descriptor, $0, length) }
    }
    return descriptor
  }

  private static func write(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  /// Carries bytes both ways until one side is closed.
  private static func pump(_ first: Int32, _ second: Int32) {
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    var watched = [
      pollfd(fd: first, events: Int16(POLLIN), revents: 0), pollfd(fd: second, events: Int16(POLLIN), revents: 0),
    ]
    while poll(&watched, 2, -1) > 0 {
      for (from, to) in [(0, second), (1, first)] where watched[from].revents != 0 {
        let count = recv(watched[from].fd, &buffer, buffer.count, 0)
        guard count > 0, send(to, buffer, count, Int32(MSG_NOSIGNAL)) == count else { return }
      }
    }
  }
}
