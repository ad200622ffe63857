import AgentTestKit
import Foundation
import Testing

/// OpenSSL's own server with TLS 1.1 and nothing newer; it ends with this value.
final class OldTLSServer: Sendable {
  struct NotStarted: Error, CustomStringConvertible {
    var description: String
  }

  let port: String
  private let process: ChildProcess
  private let input = Pipe()
  private let output = OutputLines()
  private let errors = OutputLines()

  init(certificate: String, key: String) async throws {
    process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = [
      "s_server", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", "-accept", "127.0.0.1:0", "-www", "-cert", certificate,
      "-key", key,
    ]
    let (out, err) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (input, out, err)
    try process.run()
    output.read(out)
    errors.read(err)
    let line = await output.first { $0.hasPrefix("ACCEPT ") }
    guard let port = line?.split(separator: ":").last else {
      throw NotStarted(description: "openssl s_server did not start: \(errors.text)")
    }
    self.port = String(port)
  }

  deinit {
    kill(process.processIdentifier, SIGKILL)
  }

  /// By this environment OpenSSL itself would take such a server: what refuses it then is the program's own minimum.
  static func allowing(in folder: TemporaryFolder) throws -> [String: String] {
    let text = """
      openssl_conf = all
      [all]
      ssl_conf = ssl
      [ssl]
      system_default = system
      [system]
      MinProtocol = TLSv1
      CipherString = DEFAULT@SECLEVEL=0

      """
    let path = folder.appending("openssl.cnf")
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return ["OPENSSL_CONF": path]
  }
}
