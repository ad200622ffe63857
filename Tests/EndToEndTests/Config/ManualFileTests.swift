import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The operations manual's four files of this kind, exactly as printed, and the shipped ones made of them.
@Suite(.timeLimit(.minutes(2))) struct ManualFileTests {
  private static let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

  private static func printed(_ name: String) throws -> String {
    try String(contentsOf: here.appendingPathComponent("Manual/\(name)"), encoding: .utf8)
  }

  private static func shipped(_ name: String) throws -> String {
    let root = here.deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("etc/\(name)"), encoding: .utf8)
  }

  @Test(
    "the shipped files hold the manual's lines as they are printed", arguments: ["permissions.yaml", "encryption.yaml"])
  func verbatim(_ name: String) throws {
    #expect(try Self.shipped(name).contains(try Self.printed(name)))
    let lines = try Self.shipped(name).split(separator: "\n").map(String.init)
    let own = try Self.printed(name).split(separator: "\n").map(String.init)
    // What is added says nothing to the program.
    #expect(lines.filter { !own.contains($0) }.allSatisfy { $0.trimmingCharacters(in: .whitespaces).hasPrefix("#") })
  }

  @Test("the four of them start a service; those whose feature is not there yet are one WARN line each")
  func start() async throws {
    let names = ["auth.yaml", "permissions.yaml", "rate_limit.yaml", "encryption.yaml"]
    let files = Dictionary(uniqueKeysWithValues: try names.map { ($0, try Self.printed($0)) })
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: files)
    let warnings = try await service.logged(" WARNING config ", times: 2)
    #expect(warnings.count == 2 && warnings.allSatisfy { $0.contains("config_not_read") }, "\(warnings)")
    #expect(warnings[0].contains("auth.yaml") && warnings[1].contains("rate_limit.yaml"), "\(warnings)")
    let rows = try await service.shownConfiguration()
    #expect(rows["encryption.sensitive_fields"]?["value"] == ["api_key", "password", "token"])
    #expect(rows["encryption.sensitive_fields"]?["source"] == "file" && rows["roles.admin"]?["value"] == ["*"])
  }

  @Test("a reload takes another list of sensitive fields; what it names is shown of no agent")
  func reload() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ["agents.yaml": "agents: {a: {instructions: x, body: {user: hush-1, token: hush-2, seed: 1}}}\n"])
    func body() async throws -> JSONValue? { try await service.send("GET", "/api/agents/a").json["body"] }
    #expect(try await body() == ["user": "hush-1", "token": "[sealed]", "seed": 1])
    try service.writeConfiguration("encryption.yaml", "encryption: {sensitive_fields: [token, USER]}\n")
    let changed = try await service.send("POST", "/api/config/reload").json["changed"]?.arrayValue ?? []
    #expect(
      changed == ["encryption.yaml encryption.sensitive_fields", "agents.yaml agents.a.body"]
        || changed == ["agents.yaml agents.a.body", "encryption.yaml encryption.sensitive_fields"]
        || changed == ["encryption.yaml encryption.sensitive_fields"], "\(changed)")
    #expect(try await body() == ["user": "[sealed]", "token": "[sealed]", "seed": 1])
    let shown = try await service.shownConfiguration()["agents.a.body"]?["value"]
    #expect(shown == ["user": "[sealed]", "token": "[sealed]", "seed": 1], "\(shown ?? .null)")
    #expect(try await !service.send("GET", "/api/agents").text.contains("hush"))
    for text in ["at_rest: {seal_content: true}", "at_rest: {algorithm: none}", "in_transit: {tls_version: '1.0'}"] {
      try service.writeConfiguration("encryption.yaml", "encryption: {\(text)}\n")
      let check = try await service.verb(["config", "check"])
      #expect(check.status == 78 && check.output.contains("encryption.yaml:1"), "\(text): \(check)")
    }
  }
}
