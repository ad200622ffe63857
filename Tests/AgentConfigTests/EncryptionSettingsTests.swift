import AgentConfig
import AgentCore
import Testing

@Suite("encryption.yaml")
struct EncryptionSettingsTests {
  private static func fields(_ text: String) throws -> SensitiveFields {
    try ConfigFixture(["encryption.yaml": text]).load().encryption.sensitiveFields
  }

  @Test("the shipped file says the defaults, which are the manual's list")
  func shipped() throws {
    #expect(try Self.fields(ShippedFiles.text("encryption.yaml")) == .standard)
    #expect(EncryptionSettings().sensitiveFields.names == ["api_key", "password", "token"])
    #expect(try Self.fields("# nothing\n") == .standard)
    let values = try ConfigFixture().load().values.filter { $0.file == "encryption.yaml" }
    #expect(
      values.map { "\($0.key) \($0.value.text)" } == [
        "encryption.in_transit.tls_version \"1.2\"", "encryption.at_rest.algorithm \"AES-256-GCM\"",
        "encryption.at_rest.seal_content \"false\"",
        "encryption.sensitive_fields [\"api_key\",\"password\",\"token\"]",
      ])
    #expect(values.filter(\.isReloadable).map(\.key) == ["encryption.sensitive_fields"])
  }

  @Test("names are taken as they stand; tls_version and seal_content: false are taken")
  func taken() throws {
    let fields = try Self.fields(
      """
      encryption:
        in_transit: {tls_version: 1.3}
        at_rest: {algorithm: AES-256-GCM, seal_content: false}
        sensitive_fields: [client_secret, "身份证号", PIN]
      """)
    #expect(fields.names == ["client_secret", "身份证号", "PIN"])
    #expect(fields.contains("clientSecret") && fields.contains("pin") && !fields.contains("token"))
    #expect(try Self.fields("encryption: {sensitive_fields: []}\n").names.isEmpty)
  }

  static let refusals = [
    Refusal("encryption: {at_rest: {algorithm: AES-128-GCM}}\n", "config_invalid", "must be one of AES-256-GCM"),
    Refusal("encryption: {at_rest: {algorithm: null}}\n", "config_invalid", "has no value"),
    Refusal("encryption: {at_rest: {seal_content: true}}\n", "config_not_supported", "seal_content: true"),
    Refusal("encryption: {at_rest: {seal_content: yes}}\n", "config_invalid", "must be one of false, true"),
    Refusal("encryption: {in_transit: {tls_version: '1.1'}}\n", "config_invalid", "must be one of 1.2, 1.3"),
    Refusal("encryption: {sensitive_fields: token}\n", "config_invalid", "must be a list"),
    Refusal("encryption: {sensitive_fields: ['']}\n", "config_invalid", "is no member's name"),
    Refusal("encryption: {sensitive_fields: ['_-']}\n", "config_invalid", "is no member's name"),
    Refusal(
      "encryption: {sensitive_fields: [\(String(repeating: "x", count: 65))]}\n", "config_invalid", "64 is the most"),
    Refusal(
      "encryption: {sensitive_fields: [\((0..<65).map { "f\($0)" }.joined(separator: ", "))]}\n", "config_invalid",
      "has 65 entries; 64 is the most"),
    Refusal("encryption: {sensitve_fields: [x]}\n", "config_invalid", "did you mean 'sensitive_fields'?"),
    Refusal("sensitive_fields: [x]\n", "config_invalid", "did you mean 'encryption.sensitive_fields'?"),
  ]

  @Test("each mistake is refused", arguments: refusals)
  func refused(_ refusal: Refusal) throws {
    let issues = try ConfigFixture(["encryption.yaml": refusal.text]).issues()
    #expect(issues.count == 1 && issues.first?.code.rawValue == refusal.place, "\(issues)")
    #expect(issues.first?.message.contains(refusal.message) == true, "\(issues)")
  }

  @Test("64 names of 64 bytes are taken")
  func bounds() throws {
    let names = (0..<64).map { number in
      let digits = String(number)
      return digits + String(repeating: "n", count: 64 - digits.utf8.count)
    }
    #expect(try Self.fields("encryption: {sensitive_fields: [\(names.joined(separator: ", "))]}\n").names == names)
  }

  @Test("what the list names is not shown in the settings of providers and agents, and a changed one is told")
  func hidden() throws {
    func files(_ value: String) -> [String: String] {
      [
        "encryption.yaml": "encryption: {sensitive_fields: [token, user_id]}\n",
        "providers.yaml": """
        providers:
          p: {type: openai, model: m, headers: {Token: \(value), X-A: \(value)}, query: {USER-ID: \(value)},
              body: {user_id: \(value), deep: [{token: {a: \(value)}}], temperature: 1}}
        """,
        "agents.yaml": "agents: {a: {instructions: x, body: {token: \(value), tokens: 5}}}\n",
      ]
    }
    let loaded = try ConfigFixture(files("hush-1")).load()
    #expect(!loaded.values.contains { "\($0)".contains("hush") || $0.value.text.contains("hush") })
    func value(_ key: String) throws -> ConfigValue { try #require(loaded.values.first { $0.key == key }, "\(key)") }
    #expect(try value("providers.p.headers.Token").value == "[sealed]")
    #expect(try value("providers.p.headers.X-A").value == "[secret]")
    #expect(try value("providers.p.query.USER-ID").value == "[sealed]")
    #expect(
      try value("providers.p.body").value
        == ["user_id": "[sealed]", "deep": [["token": "[sealed]"]], "temperature": 1])
    #expect(try value("agents.a.body").value == ["token": "[sealed]", "tokens": 5])
    let (same, other) = (try ConfigFixture(files("hush-1")).load(), try ConfigFixture(files("hush-2")).load())
    for key in ["providers.p.headers.Token", "providers.p.body", "agents.a.body"] {
      let before = try value(key)
      #expect(before.means(try #require(same.values.first { $0.key == key })))
      #expect(!before.means(try #require(other.values.first { $0.key == key })), "\(key)")
    }
  }
}
