import Foundation
import Glibc
import Synchronization

/// A server on 127.0.0.1 (a port of the kernel's choice) or on a unix socket, whose every connection runs a script on
/// a thread of its own.
package final class LoopbackServer: Sendable {
  /// Which of the server's connections this is, from 0.
  package typealias Script = @Sendable (LoopbackConnection, Int) -> Void

  private struct State {
    var open: Set<Int32> = []
    var accepted = 0
    var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    var requests: [LoopbackRequest] = []
    var isStopped = false
  }
  private let state = Mutex(State())
  private let listener: Int32
  package let port: UInt16

  package init(unixPath: String? = nil, _ script: @escaping Script) throws {
    let listener = socket(unixPath == nil ? AF_INET : AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard listener >= 0 else { throw POSIXError(.EMFILE) }
    self.listener = listener
    var bound = sockaddr_in()
    if let unixPath {
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: unixPath.utf8) }
      try Self.bindAndListen(listener, &address)
    } else {
      bound.sin_family = sa_family_t(AF_INET)
      bound.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      try Self.bindAndListen(listener, &bound)
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      withUnsafeMutablePointer(to: &bound) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(listener, $0, &length) }
      }
    }
    port = UInt16(bigEndian: bound.sin_port)
    Thread { [self] in serve(script) }.start()
  }

  private func serve(_ script: @escaping Script) {
    defer { close(listener) }
    while true {
      let descriptor = accept(listener, nil, nil)
      guard descriptor >= 0 else { return }
      let (index, waiters) = state.withLock { state in
        state.open.insert(descriptor)
        state.accepted += 1
        let accepted = state.accepted
        let met = state.waiters.filter { $0.count <= accepted }
        state.waiters.removeAll { $0.count <= accepted }
        return (accepted - 1, met)
      }
      for waiter in waiters { waiter.continuation.resume() }
      Thread { [self] in
        script(LoopbackConnection(descriptor: descriptor, server: self), index)
        state.withLock { state in
          state.open.remove(descriptor)
          close(descriptor)
        }
      }.start()
    }
  }

  /// Answers each request of each connection until the client closes it.
  package convenience init(answer: @escaping @Sendable (LoopbackRequest) -> String) throws {
    try self.init { connection, _ in
      while let request = connection.readRequest() { connection.write(answer(request)) }
    }
  }

  package var accepted: Int { state.withLock(\.accepted) }
  /// Returns once so many connections were accepted: a client may be told of its own before this thread is.
  package func accepted(_ count: Int) async {
    await withCheckedContinuation { continuation in
      let isMet = state.withLock { state in
        if state.accepted < count { state.waiters.append((count, continuation)) }
        return state.accepted >= count
      }
      if isMet { continuation.resume() }
    }
  }

  package var requests: [LoopbackRequest] { state.withLock(\.requests) }
  fileprivate func record(_ request: LoopbackRequest) { state.withLock { $0.requests.append(request) } }

  package func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

  package func stop() {
    state.withLock { state in
      guard !state.isStopped else { return }
      state.isStopped = true
      for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
      // Ends `accept`; that thread closes it, since a closed number may be another server's at once.
      shutdown(listener, Int32(SHUT_RDWR))
    }
  }

  private static func bindAndListen<Address>(_ descriptor: Int32, _ address: inout Address) throws {
    let length = socklen_t(MemoryLayout<Address>.size)
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    guard code == 0, listen(descriptor, 64) == 0 else { throw POSIXError(.EADDRINUSE) }
  }
}

/// A request as the server read it.
package struct LoopbackRequest: Sendable {
  package var method: String
  package var target: String
  /// Names in lower case.
  package var headers: [String: String]
  package var body: String
}

/// The server's end of a connection. Reads and writes block.
package struct LoopbackConnection: Sendable {
  package let descriptor: Int32
  package let server: LoopbackServer

  /// The next request with its body (by `Content-Length`); nil when the client has closed.
  package func readRequest() -> LoopbackRequest? {
    var head: [UInt8] = []
    while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) {
      guard let byte = read(1) else { return nil }
      head += byte
    }
    let lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    var body: [UInt8] = []
    while body.count < Int(headers["content-length"] ?? "0") ?? 0 {
      guard let bytes = read(64 * 1024) else { return nil }
      body += bytes
    }
    let words = lines[0].split(separator: " ")
    let request = LoopbackRequest(
      method: String(words[0]), target: String(words[1]), headers: headers, body: String(decoding: body, as: UTF8.self))
    server.record(request)
    return request
  }

  /// False when the client has closed its end.
  @discardableResult
  package func write(_ text: String) -> Bool { write(Array(text.utf8)) }

  @discardableResult
  package func write(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// Writes all, and tells when the client has taken nothing for 200 ms.
  package func write(_ bytes: [UInt8], blocked: Signal) {
    var rest = bytes[...]
    var watched = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    while !rest.isEmpty {
      if poll(&watched, 1, 200) == 0 { blocked.set() }
      let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
      let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, flags) }
      if count > 0 { rest = rest.dropFirst(count) } else if errno != EAGAIN { return }
    }
  }

  /// Writes a byte every few milliseconds until the client closes.
  package func drip(_ byte: String) {
    var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while write(byte), poll(&watched, 1, 5) == 0 {}
  }

  /// Returns when the client has closed the connection.
  package func waitForClose() { while read(4096) != nil {} }

  private func read(_ most: Int) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: most)
    let count = recv(descriptor, &buffer, most, 0)
    return count > 0 ? Array(buffer[..<count]) : nil
  }
}

/// An answer's text with its length.
package func answer(_ status: Int = 200, headers: [String] = [], body: String = "") -> String {
  let lines = ["HTTP/1.1 \(status) X", "Content-Length: \(body.utf8.count)"] + headers
  return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
}

/// Something that happens once, and that a test waits for.
package final class Signal: Sendable {
  private struct State {
    var setAt: ContinuousClock.Instant?
    var waiters: [CheckedContinuation<ContinuousClock.Instant, Never>] = []
  }
  private let state = Mutex(State())

  package init() {}

  package func set() {
    let now = ContinuousClock.now
    let waiters = state.withLock { state in
      if state.setAt == nil { state.setAt = now }
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume(returning: now) }
  }

  package var isSet: Bool { state.withLock { $0.setAt != nil } }

  /// Returns when it was set.
  @discardableResult
  package func wait() async -> ContinuousClock.Instant {
    await withCheckedContinuation { continuation in
      let setAt = state.withLock { state in
        if state.setAt == nil { state.waiters.append(continuation) }
        return state.setAt
      }
      if let setAt { continuation.resume(returning: setAt) }
    }
  }
}

/// Closes both directions now; the descriptor goes when the script returns.
package func shutdownConnection(_ connection: LoopbackConnection) { shutdown(connection.descriptor, Int32(SHUT_RDWR)) }
