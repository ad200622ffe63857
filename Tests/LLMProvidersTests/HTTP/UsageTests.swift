import AgentCore
import Testing

@testable import LLMProviders

@Suite("The usage of a reply") struct UsageTests {
  private func booked(_ usage: String, reserved: Int64 = 100, text: String = "123456789") throws -> ModelUsage {
    let stream = openAIStream([
      #"{"choices":[{"index":0,"delta":{"content":"\#(text)"},"finish_reason":"length"}],"usage":\#(usage)}"#
    ])
    let request = modelRequest(reserved: reserved)
    let wire = WireRequest(request, provider: "p", settings(.openai))
    #expect(wire.ownInputTokens == OwnCount.tokens(ofBytes: wire.body.count))
    return try ReplyMaker(request, wire, "p").reply(read(.openai, stream).reply).usage
  }

  private var ownInput: Int64 { WireRequest(modelRequest(), provider: "p", settings(.openai)).ownInputTokens }

  static let believed: [(String, Int64, Int64)] = [
    (#"{"prompt_tokens":7,"completion_tokens":3}"#, 7, 3),
    (#"{"prompt_tokens":1000,"completion_tokens":1000}"#, 1000, 1000),
    (#"{"prompt_tokens":7.0,"completion_tokens":3}"#, 7, 3),
  ]

  @Test("is booked as told, up to ten times what was set aside", arguments: believed)
  func asTold(usage: String, input: Int64, output: Int64) throws {
    #expect(try booked(usage) == ModelUsage(inputTokens: input, outputTokens: output))
  }

  static let unbelieved = [
    "null", "{}", #"{"prompt_tokens":7}"#, #"{"prompt_tokens":7,"completion_tokens":-1}"#,
    #"{"prompt_tokens":7,"completion_tokens":"3"}"#, #"{"prompt_tokens":7,"completion_tokens":3.5}"#,
    #"{"prompt_tokens":7,"completion_tokens":1001}"#, #"{"prompt_tokens":7,"completion_tokens":0}"#,
    #"{"prompt_tokens":7,"completion_tokens":9223372036854775807}"#,
    #"{"prompt_tokens":7,"completion_tokens":1e300}"#, #"{"prompt_tokens":7,"completion_tokens":true}"#,
  ]

  @Test("that is missing or cannot be is our own count, said to be one", arguments: unbelieved)
  func estimated(usage: String) throws {
    let booked = try booked(usage)
    #expect(booked.isEstimated)
    #expect(booked.outputTokens == 3)
    #expect(booked.inputTokens == (usage.contains("prompt_tokens") ? 7 : ownInput))
  }

  @Test("keeps the counts that stand beside, within the whole") func beside() throws {
    let usage = try booked(
      #"{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":90},"completion_tokens_details":{"reasoning_tokens":-4}}"#
    )
    #expect(usage == ModelUsage(inputTokens: 7, outputTokens: 3, cachedTokens: 7))
  }

  @Test("of 0 is believed where nothing was written") func nothingWritten() throws {
    #expect(
      try booked(#"{"prompt_tokens":7,"completion_tokens":0}"#, text: "") == ModelUsage(inputTokens: 7, outputTokens: 0)
    )
  }

  @Test("counts a picture as what is set aside for it, not its base64 as text") func pictures() {
    let image = ChatImage(mediaType: "image/png", digest: "d", bytes: Array(repeating: 7, count: 1_000_000))
    for dialect in [Dialect.openai, .anthropic] {
      let wire = WireRequest(modelRequest([.user("look", images: [image])]), provider: "p", settings(dialect))
      #expect(wire.body.count > 1_333_000)
      #expect((5000..<5300).contains(wire.ownInputTokens))
    }
  }

  @Test("a reply without text and calls is `provider_empty`") func emptyReply() throws {
    let request = modelRequest()
    let wire = WireRequest(request, provider: "p", settings(.openai))
    for reason in ["stop", "tool_calls"] {
      let stream = openAIStream([#"{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"\#(reason)"}]}"#])
      let reply = try read(.openai, stream).reply
      do throws(ProviderError) {
        _ = try ReplyMaker(request, wire, "p").reply(reply)
        Issue.record("an empty reply was taken")
      } catch {
        #expect(error == .emptyReply)
      }
    }
  }
}
