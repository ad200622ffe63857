import AgentConfig
import AgentCore
import AgentTestKit
import Foundation
import Testing

@testable import LLMProviders

@Suite("What a provider is sent besides the body", .timeLimit(.minutes(1))) struct CredentialTests {
  private static let stream: @Sendable (LoopbackRequest) -> String = { request in
    eventAnswer(request.target.contains("messages") ? AnthropicFixtures.text : OpenAIFixtures.text)
  }

  @Test("path, key and version are those of the dialect", arguments: [Dialect.openai, .anthropic])
  func dialects(dialect: Dialect) async throws {
    let server = try LoopbackServer(answer: Self.stream)
    try await withProvider(dialect, server, { $0.apiKey = Secret("sk-1") }) { provider in
      _ = try await provider.complete(modelRequest()) { _ in }
      let request = try #require(server.requests.first)
      #expect(request.method == "POST")
      #expect(request.target == (dialect == .openai ? "/v1/chat/completions" : "/v1/messages"))
      #expect(request.headers["authorization"] == (dialect == .openai ? "Bearer sk-1" : nil))
      #expect(request.headers["x-api-key"] == (dialect == .openai ? nil : "sk-1"))
      #expect(request.headers["anthropic-version"] == (dialect == .openai ? nil : "2023-06-01"))
      #expect(request.headers["content-type"] == "application/json")
      #expect(request.headers["accept-encoding"] == nil)
      #expect(try JSONValue(parsing: request.body)["model"] == "m-1")
    }
  }

  @Test("without a key none is sent", arguments: [nil, Secret("")])
  func noKey(key: Secret?) async throws {
    for dialect in [Dialect.openai, .anthropic] {
      let server = try LoopbackServer(answer: Self.stream)
      try await withProvider(dialect, server, { $0.apiKey = key }) { provider in
        _ = try await provider.complete(modelRequest()) { _ in }
        let request = try #require(server.requests.first)
        #expect(request.headers["authorization"] == nil && request.headers["x-api-key"] == nil)
      }
    }
  }

  @Test("the settings' fields and query go along, and stand in place of ours") func extra() async throws {
    let server = try LoopbackServer(answer: Self.stream)
    let change: (inout RemoteProviderSettings) -> Void = { settings in
      settings.apiKey = Secret("sk-1")
      settings.headers = ["X-Team": Secret("blue"), "authorization": Secret("Custom 7"), "User-Agent": Secret("us")]
      settings.query = ["api-version": Secret("2024-10-21"), "a b": Secret("c&d=é")]
    }
    try await withProvider(.openai, server, change) { provider in
      _ = try await provider.complete(modelRequest()) { _ in }
      let request = try #require(server.requests.first)
      #expect(request.target == "/v1/chat/completions?a%20b=c%26d%3D%C3%A9&api-version=2024-10-21")
      #expect(request.headers["x-team"] == "blue")
      #expect(request.headers["authorization"] == "Custom 7")
      #expect(request.headers["user-agent"] == "us")
    }
  }

  @Test("a user and password in the URL are sent as basic credentials") func userInfo() async throws {
    let server = try LoopbackServer(answer: Self.stream)
    try await withProvider(.openai, server, { $0.baseURL = "http://me:p%40ss@127.0.0.1:\(server.port)/v1" }) {
      provider in
      _ = try await provider.complete(modelRequest()) { _ in }
      let request = try #require(server.requests.first)
      #expect(request.headers["authorization"] == "Basic " + Data("me:p@ss".utf8).base64EncodedString())
      #expect(request.target == "/v1/chat/completions")
    }
  }

  @Test("a base URL of Anthropic's may end in its version") func anthropicBase() async throws {
    let server = try LoopbackServer(answer: Self.stream)
    try await withProvider(.anthropic, server, { $0.baseURL = server.url("/v1") }) { provider in
      _ = try await provider.complete(modelRequest()) { _ in }
      #expect(server.requests.first?.target == "/v1/messages")
    }
  }

  @Test("the settings' proxy is gone through, with its credentials") func proxy() async throws {
    let server = try LoopbackServer(answer: Self.stream)
    let change: (inout RemoteProviderSettings) -> Void = { settings in
      settings.baseURL = "http://provider.invalid/v1"
      settings.proxy = Secret("http://me:pass@127.0.0.1:\(server.port)")
    }
    try await withProvider(.openai, server, change) { provider in
      _ = try await provider.complete(modelRequest()) { _ in }
      let request = try #require(server.requests.first)
      #expect(request.target == "http://provider.invalid/v1/chat/completions")
      #expect(request.headers["proxy-authorization"] == "Basic " + Data("me:pass".utf8).base64EncodedString())
    }
  }

  private static let answers: [@Sendable (String) -> String] = [
    { _ in "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n" },
    { jsonAnswer(200, "{\"echo\":\"\($0)\"}") }, { eventAnswer("data: {\"error\":{\"message\":\"\($0)\"}}\n\n") },
    { eventAnswer("data: \($0)\n\n") }, { jsonAnswer(400, "{\"error\":{\"message\":\"\($0)\"}}") },
    { jsonAnswer(401, "{\"error\":{\"message\":\"\($0)\"}}") }, { jsonAnswer(404, $0) },
    { jsonAnswer(500, "{\"error\":\"\($0)\"}") }, { jsonAnswer(429, "{\"message\":\"\($0)\"}") },
    { answer(302, headers: ["Location: http://127.0.0.1/\($0)"]) },
  ]

  @Test("no secret is in any error, nor in anything that the provider prints", arguments: answers.indices)
  func hidden(index: Int) async throws {
    let userInfos = ["user-4:p@ss word-5", "proxyuser-6:p@ss-7"].map { Data($0.utf8).base64EncodedString() }
    // As they stand in the settings, as they go out, and decoded.
    let secrets =
      [
        "sk-key-1", "header-2", "token-behind-2", "qu&ery=3 é", "qu%26ery%3D3%20%C3%A9", "p%40ss%20word-5",
        "p@ss word-5", "p%40ss-7", "p@ss-7",
      ] + userInfos
    let server = try LoopbackServer { _ in Self.answers[index](secrets.joined(separator: " ")) }
    let change: (inout RemoteProviderSettings) -> Void = { settings in
      settings.apiKey = Secret("sk-key-1")
      settings.headers = ["X-Gate": Secret("header-2"), "X-Token": Secret("Token token-behind-2")]
      settings.query = ["k": Secret("qu&ery=3 é")]
      settings.baseURL = "http://user-4:p%40ss%20word-5@127.0.0.1:\(server.port)/v1"
      settings.proxy = Secret("http://proxyuser-6:p%40ss-7@127.0.0.1:\(server.port)")
    }
    try await withProvider(.openai, server, change) { provider in
      let error = try #require(await failure(on: provider))
      var dumped = ""
      dump(provider, to: &dumped)
      let shown = [error.detail, "\(error)", "\(provider)", String(reflecting: provider), dumped]
      for secret in secrets {
        for text in shown { #expect(!text.contains(secret), "\(secret) in \(text)") }
      }
    }
  }
}
