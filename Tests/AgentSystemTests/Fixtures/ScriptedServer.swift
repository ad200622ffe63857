import Foundation
import Glibc
import Synchronization

/// A request as the scripted server read it.
struct ScriptedRequest: Sendable {
  var method: String
  var target: String
  /// Names in lower case.
  var headers: [String: String]
  var body: String
}

/// What the scripted server sends back; every reply ends its connection.
struct ScriptedReply: Sendable {
  var bytes: String
  /// The connection stays open until the client closes it.
  var isHeld = false

  init(raw: String) { bytes = raw }

  /// 200 with JSON.
  init(_ body: String) { self.init(200, body) }

  init(_ status: Int, type: String = "application/json", headers: [String] = [], _ body: String) {
    let fields = ["Content-Type: \(type)", "Content-Length: \(body.utf8.count)", "Connection: close"] + headers
    bytes = "HTTP/1.1 \(status) X\r\n" + fields.joined(separator: "\r\n") + "\r\n\r\n" + body
  }

  /// A stream of events that ends with the connection.
  static func events(_ body: String, isHeld: Bool = false) -> ScriptedReply {
    var reply = ScriptedReply(
      raw: "HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + body)
    reply.isHeld = isHeld
    return reply
  }

  static func problem(_ status: Int, _ code: String, _ detail: String) -> ScriptedReply {
    ScriptedReply(
      status, type: "application/problem+json", headers: ["X-Request-Id: r-7"],
      #"{"type":"about:blank","title":"T","status":\#(status),"detail":"\#(detail)","code":"\#(code)"}"#)
  }

  /// The connection ends without an answer.
  static let none = ScriptedReply(raw: "")
}

/// A real HTTP server on a free port of 127.0.0.1, or on a unix socket, whose answers a test writes.
final class ScriptedServer: Sendable {
  /// The request and how many came before it.
  typealias Script = @Sendable (ScriptedRequest, Int) -> ScriptedReply

  private let listener: Int32
  private let recorded = Mutex<[ScriptedRequest]>([])
  let port: UInt16

  init(socketPath: String? = nil, _ script: @escaping Script) throws {
    let listener = socket(socketPath == nil ? AF_INET : AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    port = try Self.listen(listener, socketPath)
    self.listener = listener
    Thread.detachNewThread { [self] in
      defer { Glibc.close(listener) }
      while true {
        let descriptor = accept(listener, nil, nil)
        guard descriptor >= 0 else { return }
        Thread.detachNewThread {
          defer { Glibc.close(descriptor) }
          guard let request = Self.read(descriptor) else { return }
          let index = self.recorded.withLock { recorded in
            recorded.append(request)
            return recorded.count - 1
          }
          let reply = script(request, index)
          Self.write(reply.bytes, to: descriptor)
          var byte: UInt8 = 0
          while reply.isHeld, recv(descriptor, &byte, 1, 0) > 0 {}
        }
      }
    }
  }

  /// Ends the accepting thread, which closes the listener itself: a closed number may be another server's at once, and
  /// its connections would be answered here.
  func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  var requests: [ScriptedRequest] { recorded.withLock { $0 } }

  var url: String { "http://127.0.0.1:\(port)" }

  private static func listen(_ listener: Int32, _ socketPath: String?) throws -> UInt16 {
    guard listener >= 0 else { throw POSIXError(.EMFILE) }
    if let socketPath {
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socketPath.utf8) }
      try bind(listener, &address)
      return 0
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    try bind(listener, &address)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
    }
    return UInt16(bigEndian: address.sin_port)
  }

  private static func bind<Address>(_ listener: Int32, _ address: inout Address) throws {
    let length = socklen_t(MemoryLayout<Address>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(listener, $0, length) }
    }
    guard code == 0, Glibc.listen(listener, 32) == 0 else { throw POSIXError(.EADDRINUSE) }
  }

  private static func read(_ descriptor: Int32) -> ScriptedRequest? {
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    func more() -> Bool {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count > 0 { received += buffer[..<count] }
      return count > 0
    }
    var headEnd: Int?
    while headEnd == nil {
      guard more() else { return nil }
      let text = String(decoding: received, as: UTF8.self)
      headEnd = text.range(of: "\r\n\r\n").map { text[..<$0.upperBound].utf8.count }
    }
    let head = received.prefix(headEnd ?? 0)
    let lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
    }
    let wanted = head.count + (Int(headers["content-length"] ?? "") ?? 0)
    while received.count < wanted { guard more() else { return nil } }
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count == 3 else { return nil }
    return ScriptedRequest(
      method: String(words[0]), target: String(words[1]), headers: headers,
      body: String(decoding: received[head.count...], as: UTF8.self))
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
