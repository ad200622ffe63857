import AgentTestKit
import Foundation

extension TLSFolder {
  /// Runs the body with the port of a server that speaks HTTP/2 alone.
  func withHTTP2Server(_ body: (Int) async throws -> Void) async throws {
    let (input, output) = (Pipe(), Pipe())
    let program = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("http2.py").path
    let process = try start("/usr/bin/env", ["python3", program, certificate, key], input: input, output: output)
    defer { process.terminate() }
    try await body(try Self.port(output))
  }
}
