import Foundation

/// What becomes of the second request of a connection of HTTP/2; the first is answered.
package enum HTTP2Mode: String, Sendable {
  case answers
  /// GOAWAY: the request was not looked at.
  case goesAway = "goes_away"
  /// REFUSED_STREAM.
  case refuses
  case closes
}

/// A server that speaks HTTP/2 alone.
package struct HTTP2Server: Sendable {
  package let port: Int
  fileprivate let log: String

  /// `CONNECTION.STREAM` of each request that came whole, answered or not.
  package var requests: [String] {
    get throws {
      guard FileManager.default.fileExists(atPath: log) else { return [] }
      return try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map(String.init)
    }
  }
}

extension TLSFolder {
  /// Runs the body with a server whose answers say on which connection and stream they come, or are these events.
  package func withHTTP2Server(
    _ mode: HTTP2Mode = .answers, events: String? = nil, _ body: (HTTP2Server) async throws -> Void
  ) async throws {
    let (input, output) = (Pipe(), Pipe())
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let program = tests.appendingPathComponent("HTTPTransportTests/http2.py").path
    let log = folder.appending("requests.txt")
    var arguments = ["python3", program, certificate, key, log, mode.rawValue]
    if let events {
      let file = folder.appending("events.txt")
      try Data(events.utf8).write(to: URL(fileURLWithPath: file))
      arguments.append(file)
    }
    let process = try start("/usr/bin/env", arguments, input: input, output: output)
    defer { process.terminate() }
    try await body(HTTP2Server(port: try Self.port(output), log: log))
  }
}
