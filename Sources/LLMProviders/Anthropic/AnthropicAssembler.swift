import AgentCore
import HTTPTransport

/// Reads answers in the shape of Anthropic's messages: https://docs.anthropic.com/en/docs/build-with-claude/streaming.
struct AnthropicAssembler: ReplyAssembler {
  private let faults: FaultReader
  private var blocks: [ContentBlock] = []
  /// What goes beside the content: stop reason, stop sequence, and what a later version adds.
  private var ending: [String: JSONValue] = [:]
  private var usage = UsageReport()
  private var model: String?
  private var hasMessage = false
  private var isWhole = false
  private(set) var hasEndMark = false

  init(_ faults: FaultReader) { self.faults = faults }

  mutating func take(_ event: ServerSentEvent) throws(ProviderError) -> String {
    if event.data.allSatisfy(\.isWhitespace) { return "" }
    let data = try JSONValue(answer: event.data.utf8)
    if let error = faults.error(in: data, isErrorEvent: event.name == "error", isStream: true) { throw error }
    switch data["type"]?.stringValue ?? event.name {
    case "message_start": try begin(data["message"])
    case "content_block_start": return try beginBlock(data)
    case "content_block_delta": return try extendBlock(data)
    case "message_delta":
      usage.take(data["usage"])
      guard let delta = data["delta"]?.objectValue else { throw .malformed("an event of the answer has no delta") }
      for (name, value) in delta where !value.isNull || ending[name] == nil { ending[name] = value }
    case "message_stop": hasEndMark = true
    // `ping`, `content_block_stop`, and kinds that come later: to be ignored, says the documentation.
    default: break
    }
    return ""
  }

  private mutating func begin(_ message: JSONValue?) throws(ProviderError) {
    guard let message, message.objectValue != nil else { throw .malformed("an event of the answer has no message") }
    hasMessage = true
    model = message["model"]?.stringValue ?? model
    usage.take(message["usage"])
  }

  private mutating func beginBlock(_ data: JSONValue) throws(ProviderError) -> String {
    guard let index = data["index"]?.integerValue, let block = data["content_block"]?.objectValue else {
      throw .malformed("an event of the answer has no content block")
    }
    blocks.append(ContentBlock(index: index, members: block))
    return block["type"]?.stringValue == "text" ? block["text"]?.stringValue ?? "" : ""
  }

  private mutating func extendBlock(_ data: JSONValue) throws(ProviderError) -> String {
    guard let index = data["index"]?.integerValue, let delta = data["delta"]?.objectValue,
      let position = blocks.lastIndex(where: { $0.index == index })
    else { throw .malformed("an event of the answer belongs to no content block") }
    blocks[position].extend(by: delta)
    return delta["type"]?.stringValue == "text_delta" ? delta["text"]?.stringValue ?? "" : ""
  }

  mutating func take(whole body: JSONValue) throws(ProviderError) -> String {
    isWhole = true
    if let error = faults.error(in: body, isStream: false) { throw error }
    guard let content = body["content"]?.arrayValue else { throw .malformed("the answer is no message") }
    try begin(body)
    for (index, block) in content.enumerated() {
      guard let members = block.objectValue else { throw .malformed("a content block of the answer is no object") }
      blocks.append(ContentBlock(index: Int64(index), members: members))
    }
    let known: Set<String> = ["id", "type", "role", "model", "content", "usage"]
    ending = body.objectValue?.filter { !known.contains($0.key) } ?? [:]
    return blocks.map(\.whole.text).joined()
  }

  func reply() throws(ProviderError) -> AssembledReply {
    guard hasMessage || !blocks.isEmpty else { throw hasEndMark ? .emptyReply : .cutStream }
    guard let reason = ending["stop_reason"]?.stringValue ?? (isWhole ? "end_turn" : nil) else { throw .cutStream }
    let blocks = blocks.map(\.whole)
    var message = ending
    message["role"] = "assistant"
    message["content"] = .array(blocks.map(\.message))
    return AssembledReply(
      text: blocks.map(\.text).joined(), calls: blocks.compactMap(\.call), finish: try Self.finish(reason),
      usage: counts, model: model,
      message: .object(message), thinkingBytes: blocks.reduce(0) { $0 + $1.thinkingBytes })
  }

  private static func finish(_ reason: String) throws(ProviderError) -> FinishReason {
    switch reason {
    case "end_turn", "stop_sequence": return .stop
    case "tool_use": return .toolCalls
    case "max_tokens", "model_context_window_exceeded": return .length
    case "refusal": return .refusal
    default: throw .malformed("the answer ends for a reason that is not known here")
    }
  }

  /// `input_tokens` here means what was neither read from the cache nor written to it.
  private var counts: TokenCounts {
    var parts: [Int64?] = [usage.count("input_tokens")]
    for name in ["cache_read_input_tokens", "cache_creation_input_tokens"] where usage.has(name) {
      parts.append(usage.count(name))
    }
    let known = parts.compactMap { $0 }
    return TokenCounts(
      input: known.count == parts.count ? known.reduce(0, +) : nil, output: usage.count("output_tokens"),
      cached: usage.aside("cache_read_input_tokens"), cacheWrite: usage.aside("cache_creation_input_tokens"),
      reasoning: usage.aside("output_tokens_details.thinking_tokens"))
  }
}
