import AgentCore
import AgentTestKit
import Foundation
import Testing

/// `ca_file` on the running binary, over TLS, on a machine that trusts the server by itself.
@Suite struct CertificateFileTests {
  @Test(
    "a `ca_file` stands in place of what the machine trusts: another's certificate in it is `tls_failed`, unsent",
    .shows(.providerTLS, "certificate"), .enabled(if: MountedFolder.isPossible, "/etc/ssl/certs cannot be mounted over")
  )
  func replacesTheMachines() async throws {
    let folder = try TemporaryFolder("trust")
    let (own, other) = (try TLSFolder(), try TLSFolder())
    let double = try await ProviderDouble(
      [ProviderSite.saysDone], arguments: ["--tls", own.certificate, own.key], in: folder)
    // What the machine trusts, as libcurl's own folder: the server's certificate under its hash, and nothing else.
    let machine = folder.appending("machine")
    try FileManager.default.createDirectory(atPath: machine, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: own.certificate, toPath: machine + "/own.pem")
    let hashed = try await ShellRun.run("/usr/bin/openssl", ["rehash", machine])
    #expect(hashed.status == 0, "\(hashed)")
    // The file that Debian's libcurl reads besides.
    try FileManager.default.copyItem(atPath: own.certificate, toPath: machine + "/ca-certificates.crt")
    let named: [(String, JSONValue)] = [
      ("main", .null), ("own", .string(own.certificate)), ("other", .string(other.certificate)),
    ]
    let entries = named.map { name, file in
      (name, WireFormat.openai.entry(double.address, ProviderSite.fast.merging(["ca_file": file]) { $1 }))
    }
    let service = try await ServiceProcess.serve(
      in: folder, files: ProviderSite.files(Dictionary(uniqueKeysWithValues: entries)),
      prefix: [
        "/usr/bin/unshare", "--mount", "/bin/sh", "-c", "mount --bind '\(machine)' /etc/ssl/certs && exec \"$@\"", "sh",
      ])
    func test(_ name: String) async throws -> JSONValue {
      try await service.send("POST", "/api/providers/\(name)/test").json
    }
    let refused = try await test("other")
    #expect(refused["ok"] == false && refused["error"]?["code"] == "tls_failed", "\(refused.text)")
    #expect(try double.lines() == [])
    // The machine does trust it where nothing else is said, and the right file does.
    for name in ["main", "own"] {
      let answer = try await test(name)
      #expect(answer["ok"] == true, "\(name): \(answer.text)")
    }
    let again = try await test("other")
    #expect(again["error"]?["code"] == "tls_failed", "\(again.text)")
    #expect(try double.requests().count == 2)
  }
}
