import AgentCore
import Testing

@testable import LLMProviders

@Suite("The calls of a reply") struct ReplyMakerTests {
  private func reply(
    _ calls: [AssembledReply.Call], finish: FinishReason = .toolCalls, text: String = ""
  ) throws -> ModelReply {
    let request = modelRequest(tools: [fileRead])
    let wire = WireRequest(request, provider: "p", settings(.openai))
    return try ReplyMaker(request, wire, "p").reply(
      AssembledReply(text: text, calls: calls, finish: finish, usage: TokenCounts(), model: nil, message: [:]))
  }

  static let ids: [([String], [String])] = [
    (["a", "b"], ["a", "b"]), (["a", "a", "a"], ["a", "call_3_2", "call_3_3"]), (["", ""], ["call_3_1", "call_3_2"]),
    (["", "call_3_1"], ["call_3_1_", "call_3_1"]), (["x", "", "x"], ["x", "call_3_2", "call_3_3"]),
  ]

  @Test("get ids of ours where theirs are missing or doubled", arguments: ids)
  func renumbers(sent: [String], ours: [String]) throws {
    #expect(try reply(sent.map { .init(id: $0, name: "file_read", arguments: "{}") }).calls.map(\.id) == ours)
  }

  static let arguments: [(String, JSONValue)] = [
    ("", [:]), (" \n", [:]), ("{}", [:]), (#"{"path":"a"}"#, ["path": "a"]), ("{\"path\":", "{\"path\":"),
    ("[1]", "[1]"), ("null", "null"), ("{\"a\":1}{\"b\":2}", "{\"a\":1}{\"b\":2}"), ("oops", "oops"),
  ]

  @Test("have an object as arguments, or the text that came in its place", arguments: arguments)
  func parses(text: String, value: JSONValue) throws {
    #expect(try reply([.init(id: "a", name: "file_read", arguments: text)]).calls.first?.arguments == value)
  }

  @Test("have dotted names; one that is no tool's too") func names() throws {
    let names = ["file_read", "file.read", "no_such_tool"]
    let calls = try reply(names.map { .init(id: $0, name: $0, arguments: "{}") }).calls
    #expect(calls.map(\.name) == ["file.read", "file.read", "no.such_tool"])
  }

  @Test("outweigh `stop`, and are outweighed by a cut and a refusal") func finish() throws {
    let call = AssembledReply.Call(id: "a", name: "file_read", arguments: "{}")
    #expect(try reply([call], finish: .stop).finish == .toolCalls)
    #expect(try reply([], finish: .toolCalls, text: "x").finish == .stop)
    #expect(try reply([call], finish: .length).finish == .length)
    #expect(try reply([call], finish: .refusal).finish == .refusal)
    #expect(try reply([], finish: .length).finish == .length)
  }

  @Test("names on the wire are plain, at most 64 long, and two tools stay two") func wireNames() {
    func tool(_ name: String) -> ToolDescriptor { ToolDescriptor(name: name, description: "", parameters: [:]) }
    let names = ToolNames([tool("a.b"), tool("a_b"), tool("a-b"), tool(String(repeating: "x", count: 70)), tool("")])
    #expect(names.wire("a.b") == "a_b" && names.own("a_b") == "a.b")
    #expect(names.wire("a_b") == "a_b_2" && names.own("a_b_2") == "a_b")
    #expect(names.wire("a-b") == "a-b")
    #expect(names.wire(String(repeating: "x", count: 70)).count == 64)
    #expect(names.wire("wörld tour") == "w_rld_tour")
    #expect(names.wire("") == "unknown_tool")
  }

  @Test(
    "without calls and with white space alone are `provider_empty`",
    arguments: ["", " ", "\n\n\t", "\u{A0}\u{3000}", "\u{200B}\u{2060}\u{FEFF}", "\u{AD} \u{FE0F}\u{0}\u{200E}"])
  func blank(text: String) throws {
    for finish in [FinishReason.stop, .toolCalls] {
      let error = #expect(throws: ProviderError.self) { try reply([], finish: finish, text: text) }
      #expect(error?.code == .providerEmpty && error?.isRetryable == true)
    }
    let call = AssembledReply.Call(id: "a", name: "file_read", arguments: "{}")
    #expect(try reply([call], text: text).calls.count == 1)
    #expect(try reply([], finish: .length, text: text).finish == .length)
  }
}
