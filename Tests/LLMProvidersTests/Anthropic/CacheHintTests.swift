import AgentConfig
import AgentCore
import Testing

@testable import LLMProviders

@Suite("Hints for Anthropic's cache of prompts") struct CacheHintTests {
  private static let hint: JSONValue = ["type": "ephemeral"]
  private static let thought: JSONValue = ["type": "thinking", "thinking": "hm", "signature": "c2ln"]

  private func body(_ request: ModelRequest, _ change: (inout RemoteProviderSettings) -> Void = { _ in }) throws
    -> JSONValue
  {
    var values = settings(.anthropic)
    change(&values)
    return try JSONValue(stored: WireRequest(request, provider: "p", values).body)
  }

  /// A turn of the model with this many calls, thoughts in front and behind, and their results.
  private static func turn(_ number: Int, calls count: Int) -> [ChatMessage] {
    let calls = (1...count).map { ToolCall(id: "t\(number)_\($0)", name: "file.read", arguments: [:]) }
    let uses: [JSONValue] = calls.map {
      ["type": "tool_use", "id": .string($0.id), "name": "file_read", "input": [:]]
    }
    let message: JSONValue = ["role": "assistant", "content": .array([thought] + uses)]
    return [
      .assistant(text: "", calls: calls, origin: ReplyOrigin(provider: "p", model: "m-1", message: message))
    ] + calls.map { .toolResult(callID: $0.id, name: $0.name, text: "", isError: false) }
  }

  /// Where marks stand: `system`, `tools`, or message and block by number.
  private func marks(_ body: JSONValue) -> [String] {
    var places: [String] = []
    for name in ["system", "tools"] {
      for block in body[name]?.arrayValue ?? [] where block["cache_control"] == Self.hint { places.append(name) }
    }
    for (number, message) in (body["messages"]?.arrayValue ?? []).enumerated() {
      for (place, block) in (message["content"]?.arrayValue ?? []).enumerated()
      where block["cache_control"] == Self.hint {
        #expect(["text", "image", "tool_result"].contains(block["type"]))
        places.append("\(number).\(place)")
      }
    }
    return places
  }

  @Test("stand at the end of what all calls have alike, and where this call and the one before end")
  func places() throws {
    var messages: [ChatMessage] = [.system("be good"), .user("go")]
    #expect(try marks(body(modelRequest(messages, tools: [fileRead, fileRead]))) == ["system", "0.0"])
    messages += Self.turn(1, calls: 30)
    #expect(try marks(body(modelRequest(messages, tools: [fileRead]))) == ["system", "0.0", "2.29"])
    messages += Self.turn(2, calls: 2) + [.user("and?"), .user(" ")]
    let sent = try body(modelRequest(messages, tools: [fileRead]))
    #expect(marks(sent) == ["system", "2.29", "4.2"])
    #expect(sent["system"] == [["type": "text", "text": "be good", "cache_control": Self.hint]])
    #expect(try marks(body(modelRequest(Array(messages.dropFirst()), tools: [fileRead]))) == ["tools", "2.29", "4.2"])
  }

  @Test("of a call that no other follows mark the instructions alone") func single() throws {
    #expect(try marks(body(modelRequest([.system("be good"), .user("go")]))) == ["system"])
    #expect(try marks(body(modelRequest())) == [])
  }

  @Test("are never more than four, those that a reply came with among them") func most() throws {
    let marked: JSONValue = ["type": "text", "text": "x", "cache_control": Self.hint]
    let replies = (1...3).flatMap { _ -> [ChatMessage] in
      let message: JSONValue = ["role": "assistant", "content": [marked]]
      return [
        .assistant(text: "x", calls: [], origin: ReplyOrigin(provider: "p", model: "m-1", message: message)),
        .user("go on"),
      ]
    }
    let sent = try body(modelRequest([.system("be good"), .user("go")] + replies, tools: [fileRead]))
    #expect(marks(sent) == ["system", "1.0", "3.0", "5.0"])
  }

  @Test("leave what they do not mark as it was, and go with `prompt_cache: false` and a `cache_control` of the body")
  func chosen() throws {
    let request = modelRequest([.system("be good"), .user("go")] + Self.turn(1, calls: 1), tools: [fileRead])
    let plain = try body(request) { $0.cachesPrompts = false }
    #expect(marks(plain) == [] && plain["system"] == "be good")
    let own = try body(request) { $0.body = ["cache_control": ["type": "ephemeral", "ttl": "1h"]] }
    #expect(marks(own) == [] && own["cache_control"] == ["type": "ephemeral", "ttl": "1h"])
    let sent = try body(request)
    #expect(sent["messages"]?.arrayValue?[1] == plain["messages"]?.arrayValue?[1])
    #expect(sent["tools"] == plain["tools"] && sent["cache_control"] == nil)
    #expect(RemoteProviderSettings.Dialect.openai == settings(.openai).dialect && !settings(.openai).cachesPrompts)
  }
}
