import AgentCore
import HTTPTransport

/// Reads answers in the shape of OpenAI's chat completions, of OpenAI itself and of the servers that speak its dialect
/// (llama.cpp, Ollama, vLLM and others), with the members that these add or leave out.
struct OpenAIAssembler: ReplyAssembler {
  private let faults: FaultReader
  private var message = GrowingMessage()
  private var calls = StreamedCalls()
  private var finishReason: String?
  private var usage = UsageReport()
  private var model: String?
  private var envelope: [String: JSONValue] = [:]
  private var budget = AnswerBudget()
  private var hasChoice = false
  /// The answer came as one JSON body, which is whole by itself.
  private var isWhole = false
  private(set) var hasEndMark = false

  /// What a message has at the known servers: with all that they want back.
  private static let known: Set<String> = [
    "role", "content", "refusal", "function_call", "name", "annotations", "audio", "images", "reasoning_content",
    "reasoning", "reasoning_details", "thinking", "thinking_blocks", "extra_content", "provider_specific_fields",
  ]
  private static let knownAround: Set<String> = [
    "id", "object", "created", "model", "system_fingerprint", "service_tier", "finish_reason", "native_finish_reason",
    "stop_reason", "provider",
  ]

  init(_ faults: FaultReader) { self.faults = faults }

  mutating func take(_ event: ServerSentEvent) throws(ProviderError) -> String {
    if event.data.hasPrefix("[DONE]") {
      hasEndMark = true
      return ""
    }
    if event.data.allSatisfy(\.isWhitespace) { return "" }
    let chunk = try JSONValue(ofAnswer: event.data.utf8)
    if let error = faults.error(in: chunk, isErrorEvent: event.name == "error", isStream: true) { throw error }
    return try take(chunk, member: "delta")
  }

  mutating func take(whole body: JSONValue) throws(ProviderError) -> String {
    isWhole = true
    if let error = faults.error(in: body, isStream: false) { throw error }
    guard body["choices"] != nil || body["object"]?.stringValue == "chat.completion" else {
      throw .malformed("the answer is no chat completion")
    }
    return try take(body, member: "message")
  }

  private mutating func take(_ chunk: JSONValue, member: String) throws(ProviderError) -> String {
    if let name = chunk["model"]?.stringValue, !name.isEmpty { model = name }
    usage.take(chunk["usage"])
    keep(chunk, without: ["choices", "usage", "error", "obfuscation"])
    guard let list = chunk.present("choices") else { return "" }
    guard let choices = list.arrayValue else { throw .malformed("the answer's choices are no list") }
    var added = ""
    for choice in choices {
      guard choice.objectValue != nil else { throw .malformed("a choice of the answer is no object") }
      // We never ask for more than one.
      guard (choice["index"]?.integerValue ?? 0) == 0 else { continue }
      if let error = choice.present("error"),
        let fault = faults.error(in: ["error": error], isStream: !isWhole)
      {
        throw fault
      }
      hasChoice = true
      keep(choice, without: [member, "index", "error", "logprobs"])
      if let reason = choice.present("finish_reason") {
        guard let reason = reason.stringValue else { throw .unknownReason }
        if !reason.isEmpty { finishReason = reason }
      }
      if let delta = choice.present(member) { added += try take(delta: delta) }
    }
    return added
  }

  /// Null says nothing that a value before it did not; `obfuscation` hides the sizes of pieces from who listens.
  private mutating func keep(_ outer: JSONValue, without others: Set<String>) {
    for (name, value) in outer.objectValue ?? [:] where !value.isNull && !others.contains(name) {
      budget.keep(name, value, in: &envelope, known: Self.knownAround)
    }
  }

  private mutating func take(delta: JSONValue) throws(ProviderError) -> String {
    guard case .object(var members) = delta else { throw .malformed("a message of the answer is no object") }
    let fragments = members.removeValue(forKey: "tool_calls")
    try calls.take(fragments, areWhole: isWhole, &budget)
    guard let added = Self.text(of: members["content"]) else {
      throw .malformed("the content of a message of the answer is neither text nor a list")
    }
    message.take(try budget.admitted(members, known: Self.known))
    return added
  }

  /// Content is text, or a list with parts of text among others; nil for anything else.
  private static func text(of content: JSONValue?) -> String? {
    switch content {
    case nil, .null?: ""
    case .string(let text)?: text
    case .array(let parts)?:
      parts.filter { $0["type"]?.stringValue == "text" }.compactMap { $0["text"]?.stringValue }.joined()
    default: nil
    }
  }

  func reply() throws(ProviderError) -> AssembledReply {
    guard hasChoice else { throw hasEndMark || isWhole ? .emptyReply : .cutStream }
    guard finishReason != nil || isWhole else { throw .cutStream }
    var reply = soFar
    if reply.finish != .refusal { reply.finish = try finish }
    return reply
  }

  var soFar: AssembledReply {
    let message = budget.whole(message.members)
    let refusal = message["refusal"]?.stringValue ?? ""
    let content = Self.text(of: message["content"]) ?? ""
    return AssembledReply(
      text: content.isEmpty ? refusal : content, calls: calls.calls,
      finish: refusal.isEmpty ? .stop : .refusal, usage: counts, model: model, message: whole(message),
      envelope: budget.marked(envelope),
      thinkingBytes: ["reasoning_content", "reasoning"].reduce(0) {
        $0 + (message[$1]?.stringValue?.utf8.count ?? 0)
      })
  }

  var hasToldUsage: Bool { usage.has("prompt_tokens") || usage.has("completion_tokens") }

  private var finish: FinishReason {
    get throws(ProviderError) {
      switch finishReason ?? "stop" {
      case "stop": return .stop
      case "tool_calls", "function_call": return .toolCalls
      // The second is Mistral's, for the end of the context.
      case "length", "model_length": return .length
      case "content_filter": return .refusal
      default: throw .unknownReason
      }
    }
  }

  private func whole(_ message: [String: JSONValue]) -> JSONValue {
    var members = message
    members["role"] = "assistant"
    if members["content"] == nil { members["content"] = .null }
    if !calls.calls.isEmpty { members["tool_calls"] = .array(calls.messages(budget)) }
    return .object(members)
  }

  private var counts: TokenCounts {
    TokenCounts(
      input: usage.count("prompt_tokens"), output: usage.count("completion_tokens"),
      // The second is DeepSeek's.
      cached: usage.aside("prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens"),
      cacheWrite: usage.aside("prompt_tokens_details.cache_write_tokens"),
      reasoning: usage.aside("completion_tokens_details.reasoning_tokens"))
  }
}
