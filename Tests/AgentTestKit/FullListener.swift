import Foundation
import Glibc

/// A listener on 127.0.0.1 whose queue of connections is full.
package final class FullListener: Sendable {
  package let port: UInt16
  private let descriptors: [Int32]

  package init() throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    var descriptors = [listener]
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        guard bind(listener, address, length) == 0, listen(listener, 0) == 0,
          getsockname(listener, address, &length) == 0
        else { return false }
        // A queue of 0 still takes one; the rest only make sure.
        for _ in 0..<4 {
          let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
          _ = connect(client, address, length)
          descriptors.append(client)
        }
        return true
      }
    }
    self.descriptors = descriptors
    port = UInt16(bigEndian: address.sin_port)
    guard isListening else { throw POSIXError(.EADDRINUSE) }
  }

  deinit { for descriptor in descriptors { close(descriptor) } }
}
