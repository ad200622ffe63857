import AgentConfig
import AgentCore
import AgentTestKit
import Testing

@testable import LLMProviders

/// What went into a request's body and is sensitive: a provider's error may quote it, and nobody is to see that.
@Suite struct BodySecretTests {
  private static let secrets = [
    "planted-member", "planted-nested", "12345678", "planted-by-variable", "planted-agents",
  ]
  private static let echo = "echo " + secrets.joined(separator: " ") + " and blue, short"

  private static func answers(_ dialect: Dialect) -> [String] {
    switch dialect {
    case .openai:
      [
        jsonAnswer(400, #"{"error":{"message":"\#(echo)","type":"x"}}"#),
        eventAnswer(openAIStream([#"{"error":{"message":"\#(echo)","type":"x"}}"#])),
        jsonAnswer(200, #"{"error":{"message":"\#(echo)","type":"x"}}"#),
      ]
    case .anthropic:
      [
        jsonAnswer(400, #"{"type":"error","error":{"type":"x","message":"\#(echo)"}}"#),
        eventAnswer(anthropicStream([#"{"type":"error","error":{"type":"x","message":"\#(echo)"}}"#])),
        jsonAnswer(200, #"{"type":"error","error":{"type":"x","message":"\#(echo)"}}"#),
      ]
    }
  }

  @Test(
    "an error shows none of the body's sensitive members and variables, the agent's neither, and the rest of it",
    arguments: [Dialect.openai, .anthropic], 0..<3)
  func errors(dialect: Dialect, answer: Int) async throws {
    let change = { (settings: inout RemoteProviderSettings) in
      settings.body = [
        "password": "planted-member",
        "metadata": ["api_key": ["planted-nested", 12_345_678, "short"], "team": "blue"],
      ]
      settings.bodySecrets = [Secret("planted-by-variable"), Secret("blue")]
    }
    let text = Self.answers(dialect)[answer]
    try await withProvider(dialect, LoopbackServer { _ in text }, change) { provider in
      let request = modelRequest(body: ["metadata": ["token": "planted-agents"]])
      let detail = await failure(of: request, on: provider)?.detail ?? ""
      for secret in Self.secrets { #expect(!detail.contains(secret), "\(detail)") }
      #expect(detail.contains("echo [secret]") && detail.hasSuffix("and blue, short"), "\(detail)")
    }
  }

  @Test("nor does the name of the model that it says it is") func model() async throws {
    let answer = jsonAnswer(
      200,
      #"{"model":"m planted-member","choices":[{"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#
    )
    let change = { (settings: inout RemoteProviderSettings) in settings.body = ["password": "planted-member"] }
    try await withProvider(.openai, LoopbackServer { _ in answer }, change) { provider in
      let reply = try await provider.complete(modelRequest()) { _ in }
      #expect(reply.model == "m [secret]")
    }
  }
}
