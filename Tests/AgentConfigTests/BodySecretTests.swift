import AgentConfig
import AgentCore
import Testing

@Suite struct BodySecretTests {
  @Test("what a variable puts into a body, a provider's or an agent's, is noted for every provider") func variables()
    throws
  {
    let fixture = try ConfigFixture([
      "providers.yaml": """
      providers:
        local: {type: openai, base_url: "http://127.0.0.1:1/v1", model: m, body: {user: {name: "u-${NAME}", k: plain}}}
        other: {type: openai, base_url: "http://127.0.0.1:2/v1", model: m}
      """,
      "agents.yaml": "agents:\n  a: {instructions: x, body: {list: [\"${AGENT}\", text]}}\n",
    ])
    let loaded = try fixture.load(["NAME": "provider-value", "AGENT": "agent-value"])
    let secrets = loaded.providers.providers.map { provider -> [String] in
      if case .remote(let remote) = provider.kind { remote.bodySecrets.map { $0.reveal() } } else { [] }
    }
    #expect(secrets == [["u-provider-value", "agent-value"], ["agent-value"]])
  }
}
