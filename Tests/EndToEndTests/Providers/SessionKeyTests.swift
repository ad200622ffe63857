import AgentCore
import AgentTestKit
import Foundation
import Testing

/// What libcurl and OpenSSL would do by the environment, on the running binary, over TLS.
@Suite struct SessionKeyTests {
  @Test("SSLKEYLOGFILE writes no keys of sessions, and is one WARN line that names it", .timeLimit(.minutes(1)))
  func unset() async throws {
    let folder = try TemporaryFolder("tls")
    let own = try TLSFolder()
    let double = try await ProviderDouble(
      [ProviderSite.saysDone], arguments: ["--tls", own.certificate, own.key], in: folder)
    let keys = folder.appending("keys.log")
    let entry = WireFormat.openai.entry(
      double.address, ProviderSite.fast.merging(["ca_file": .string(own.certificate)]) { $1 })
    let service = try await ServiceProcess.serve(
      in: folder, files: ProviderSite.files(["main": entry]),
      environment: ["SSLKEYLOGFILE": keys, "SSL_CERT_FILE": keys])
    let answer = try await service.send("POST", "/api/providers/main/test").json
    #expect(answer["ok"] == true, "\(answer.text)")
    #expect(try double.requests().count == 1)
    #expect(!FileManager.default.fileExists(atPath: keys))
    for name in ["SSLKEYLOGFILE", "SSL_CERT_FILE"] {
      let lines = try await service.logged("\(name):")
      #expect(lines.count == 1 && lines[0].contains(" WARNING ") && !lines[0].contains(keys), "\(lines)")
    }
  }
}
