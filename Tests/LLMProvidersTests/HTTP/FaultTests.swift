import AgentCore
import AgentTestKit
import Foundation
import HTTPTransport
import Testing

@testable import LLMProviders

@Suite("A provider's refusal") struct FaultTests {
  private static let now = Timestamp(milliseconds: 784_111_777_000)  // Sun, 06 Nov 1994 08:49:37 GMT
  private let faults = FaultReader(
    redaction: Redaction([Secret("sk-secret"), Secret("sk-secret-and-more"), Secret("")]))

  private func error(_ status: Int, _ body: String, _ headers: [(String, String)] = []) -> ProviderError {
    let head = HTTPExchange.Head(status: status, headers: headers.map { (name: $0.0, value: $0.1) })
    return faults.error(head, body: Array(body.utf8), now: Self.now)
  }

  private static func openAI(_ message: String, type: String = "invalid_request_error", code: String = "null") -> String
  {
    #"{"error":{"message":"\#(message)","type":"\#(type)","param":null,"code":\#(code)}}"#
  }

  private static func anthropic(_ type: String, _ message: String) -> String {
    #"{"type":"error","error":{"type":"\#(type)","message":"\#(message)"},"request_id":"req_1"}"#
  }

  static let statuses: [(Int, String, ProviderError.Code)] = [
    (400, openAI("Unsupported parameter: 'max_tokens'"), .providerRejected),
    (400, openAI("x", code: "\"context_length_exceeded\""), .contextTooLong),
    (400, openAI("This model's maximum context length is 8192 tokens."), .contextTooLong),
    (400, anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), .contextTooLong),
    (
      400,
      #"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":900,"n_ctx":512}}"#,
      .contextTooLong
    ),
    (400, openAI("x", code: "\"content_filter\""), .refused),
    (400, #"{"object":"error","message":"Invalid model: x","type":"invalid_model","code":"1500"}"#, .modelUnknown),
    (400, "not json", .providerRejected), (402, "", .providerRejected), (418, "{}", .providerRejected),
    (401, openAI("Incorrect API key provided: sk-se***et"), .keyInvalid), (403, "<html>", .keyInvalid),
    (404, openAI("The model `x` does not exist", code: "\"model_not_found\""), .modelUnknown),
    (404, anthropic("not_found_error", "model: claude-x"), .modelUnknown),
    (404, #"{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error"}}"#, .modelUnknown),
    (404, #"{"object":"error","message":"The model `x` does not exist.","code":404}"#, .modelUnknown),
    (404, "{}", .modelUnknown), (404, "<html>not here</html>", .providerRejected), (404, "", .providerRejected),
    (404, #"{"detail":"Not Found"}"#, .providerRejected),
    (404, #"{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}"#, .providerRejected),
    (404, openAI("Invalid URL (POST /v1/v1/chat/completions)"), .providerRejected),
    (413, anthropic("request_too_large", "Request exceeds the maximum size"), .contextTooLong),
    (422, #"{"detail":[{"loc":["body"],"msg":"bad"}]}"#, .providerRejected),
    (408, "", .providerError), (409, "", .providerError), (500, "", .providerError), (502, "<html>", .providerError),
    (503, #"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#, .providerError),
    (504, "", .providerError), (529, anthropic("overloaded_error", "Overloaded"), .providerError),
    (599, "", .providerError), (429, openAI("Rate limit reached", type: "requests"), .rateLimited),
    (429, "", .rateLimited), (301, "", .providerRedirect), (302, "", .providerRedirect), (307, "", .providerRedirect),
    (308, "", .providerRedirect), (204, "", .providerMalformed), (201, "{}", .providerMalformed),
  ]

  @Test("has the code of its status, or of its reason", arguments: statuses)
  func codes(status: Int, body: String, code: ProviderError.Code) {
    let error = error(status, body)
    #expect(error.code == code)
    #expect(error.status == status)
    #expect(error.wasSent)
    #expect(error.detail.contains("\(status)"))
  }

  @Test(
    "is tried again where that may help, and nowhere else",
    arguments: [
      (400, false), (401, false), (403, false), (404, false), (408, true), (409, true), (413, false), (422, false),
      (429, true), (500, true), (502, true), (503, true), (504, true), (529, true), (302, false),
    ])
  func retries(status: Int, isRetryable: Bool) {
    #expect(error(status, "").isRetryable == isRetryable)
  }

  @Test("shows the provider's words on one line, short, and without our secrets") func words() {
    let message =
      #"bad \"sk-secret-and-more\" and sk-secret\r\n\u001b[31mnow\u202e "# + String(repeating: "x", count: 900)
    let detail = error(400, Self.openAI(message)).detail
    #expect(detail.hasPrefix(#"the provider answered 400: bad "[secret]" and [secret] [31mnow x"#), "\(detail)")
    #expect(detail.count < 350)
    #expect(!detail.contains("sk-"))
  }

  private static let key = "SEKRITabcdefgh/ijklmnop+qrst0123456789"

  static let quotes: [(String, String)] = [
    ("Incorrect API key provided: SEKRITabcdef****23456789.", "Incorrect API key provided: [secret]****[secret]."),
    ("…\(key.suffix(20)) is wrong", "…[secret] is wrong"), ("key \(key.uppercased())!", "key [secret]!"),
    ("key \(key.escaped)", "key [secret]"), ("key=\(key.lowercased().prefix(8))", "key=[secret]"),
    ("key \(Data(key.utf8).base64EncodedString())", "key [secret]"),
    // Seven letters are left, and a word of their own.
    ("SEKRITa, short-on", "SEKRITa, short-on"), ("abcdefg, short-one", "abcdefg, short-one"),
  ]

  @Test("shows no eight characters of a long secret, in whatever case or code", arguments: quotes)
  func pieces(message: String, shown: String) {
    let redaction = Redaction([Secret(Self.key), Secret("short-one-x")])
    #expect(redaction.shown(message) == shown)
  }

  @Test("shows nothing of a secret that is a part of a longer text in base64", arguments: ["", "a", "me", "me:"])
  func basic(before: String) {
    let sent = Data((before + Self.key + "\n").utf8).base64EncodedString()
    let shown = Redaction([Secret(Self.key)]).shown("got \(sent)")
    #expect(shown.contains(Secret.placeholder) && shown.count < 24, "\(shown)")
    let hexadecimal = Self.key.utf8.map { String($0, radix: 16) }.joined()
    #expect(Redaction([Secret(Self.key)]).shown(hexadecimal) == Secret.placeholder)
  }

  @Test("shows the words of a proxy's address, but not its user and password") func addresses() {
    var values = settings(.openai)
    values.proxy = Secret("http://somebody:password-1@proxy.internal:3128")
    let shown = Redaction(values).shown("internal error; password-1; http://somebody:password-1@proxy.internal:3128")
    #expect(shown == "internal error; [secret]; [secret]")
  }

  @Test("is searched for pieces of secrets in no time, however long it is", .timeLimit(.minutes(1))) func longText() {
    let redaction = Redaction([Secret(String(repeating: "k3y-", count: 2000))])
    let shown = redaction.shown(String(repeating: "k3y-k3y-x ", count: 6000))
    #expect(shown.hasPrefix("[secret]x [secret]x ") && shown.hasSuffix("…") && shown.count < 350)
  }

  @Test("of a key shows nothing that the provider wrote", arguments: [401, 403]) func keyWords(status: Int) {
    #expect(error(status, Self.openAI("Incorrect API key: sk-se***et")).detail.contains("sk-") == false)
    let inStream = faults.error(
      in: ["error": ["type": "authentication_error", "message": "key sk-se***et"]], isStream: true)
    #expect(inStream?.code == .keyInvalid)
    #expect(inStream?.detail.contains("sk-") == false)
  }

  static let objects: [(String, ProviderError.Code)] = [
    (openAI("x", type: "server_error"), .providerError), (openAI("x", type: "brand_new_error"), .providerError),
    (openAI("x", type: "tokens", code: "\"rate_limit_exceeded\""), .rateLimited),
    (openAI("x", type: "insufficient_quota", code: "\"insufficient_quota\""), .rateLimited),
    (openAI("x", code: "\"invalid_api_key\""), .keyInvalid), (openAI("x"), .providerRejected),
    (openAI("x", code: "\"model_not_found\""), .modelUnknown),
    (openAI("x", code: "\"context_length_exceeded\""), .contextTooLong),
    (anthropic("overloaded_error", "Overloaded"), .providerError), (anthropic("api_error", "x"), .providerError),
    (anthropic("rate_limit_error", "x"), .rateLimited), (anthropic("permission_error", "x"), .keyInvalid),
    (anthropic("not_found_error", "model: x"), .modelUnknown), (anthropic("billing_error", "x"), .providerRejected),
    (anthropic("invalid_request_error", "prompt is too long: 9 > 5"), .contextTooLong),
    (#"{"error":{"code":500,"message":"Failed to parse input at pos 7","type":"server_error"}}"#, .providerError),
    (#"{"error":{"code":400,"message":"x","type":"exceed_context_size_error","n_ctx":512}}"#, .contextTooLong),
    (#"{"error":{"code":"429","message":"x"}}"#, .rateLimited), (#"{"error":{"code":401,"message":"x"}}"#, .keyInvalid),
    (#"{"error":"an error in words"}"#, .providerError),
    (#"{"object":"error","message":"x","type":"BadRequestError","code":400}"#, .providerRejected),
    (#"{"choices":[{"index":0,"delta":{},"error":{"code":502,"message":"upstream"}}]}"#, .providerError),
  ]

  @Test("inside a stream of 200, with and without an end mark, has the code of its type", arguments: objects)
  func inStream(object: String, code: ProviderError.Code) {
    let head = #"{"choices":[{"index":0,"delta":{"content":"half"},"finish_reason":null}]}"#
    for stream in [openAIStream([head, object], endMark: false), openAIStream([head, object])] {
      let error = failure(.openai, stream)
      #expect(error?.code == code)
      #expect(error?.status == nil && error?.wasSent == true)
    }
    if !object.contains("choices") {
      let text = "event: error\ndata: \(object)\n\n"
      #expect(failure(.anthropic, anthropicStream([AnthropicFixtures.start]) + text)?.code == code)
      #expect(failure(.openai, object, type: "application/json")?.code == code)
      #expect(failure(.openai, object, type: "application/json")?.status == 200)
    }
  }

  @Test("after the stop reason still counts") func afterStop() {
    let stream = openAIStream([
      #"{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}"#,
      #"{"error":{"message":"x","code":500}}"#,
    ])
    #expect(failure(.openai, stream)?.code == .providerError)
  }

  @Test("with `error: null` is none") func nullError() throws {
    let stream = openAIStream([
      #"{"error":null,"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}"#
    ])
    #expect(try read(.openai, stream).reply.text == "x")
  }

  static let waits: [([(String, String)], Duration?)] = [
    ([], nil), ([("retry-after", "0")], .zero), ([("retry-after", "7")], .seconds(7)),
    ([("retry-after", "1.5")], .milliseconds(1500)), ([("retry-after", "86400")], .seconds(86_400)),
    ([("retry-after", "99999999999999999999999")], RetryAfter.longest),
    ([("retry-after", "-3")], nil), ([("retry-after", "soon")], nil), ([("retry-after", "")], nil),
    ([("retry-after", "nan")], nil), ([("retry-after", "1e9")], nil), ([("retry-after", ".")], nil),
    ([("retry-after", "Sun, 06 Nov 1994 08:49:57 GMT")], .seconds(20)),
    ([("retry-after", "Sunday, 06-Nov-94 08:50:37 GMT")], .seconds(60)),
    ([("retry-after", "Sun Nov  6 08:49:38 1994")], .seconds(1)),
    ([("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")], .zero),
    ([("retry-after", "Sun, 31 Feb 1994 08:00:00 GMT")], nil),
    ([("retry-after", "Sun, 06 Nov 9994 08:49:57 GMT")], RetryAfter.longest),
    ([("retry-after", "Sun, 06 Nov 1994 08:49:57 CET")], nil),
    ([("retry-after-ms", "250"), ("retry-after", "9")], .milliseconds(250)),
    ([("retry-after-ms", "x"), ("retry-after", "9")], .seconds(9)),
  ]

  @Test("says how long to stay away, in seconds or as a date", arguments: waits)
  func retryAfter(headers: [(String, String)], expected: Duration?) {
    #expect(error(429, "", headers).retryAfter == expected)
    #expect(error(503, "", headers).retryAfter == expected)
  }
}
