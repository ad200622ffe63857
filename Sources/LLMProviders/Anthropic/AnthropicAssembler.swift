import AgentCore
import HTTPTransport

/// Reads answers in the shape of Anthropic's messages: https://docs.anthropic.com/en/docs/build-with-claude/streaming.
struct AnthropicAssembler: ReplyAssembler {
  private let faults: FaultReader
  private var blocks: [ContentBlock] = []
  /// The newest block at each index.
  private var positions: [Int64: Int] = [:]
  private var callCount = 0
  /// What goes beside the content: id, stop reason, stop sequence, and what a later version adds.
  private var envelope: [String: JSONValue] = [:]
  private var budget = AnswerBudget()
  private var usage = UsageReport()
  private var model: String?
  private var hasMessage = false
  private var isWhole = false
  private(set) var hasEndMark = false
  /// By the last of its events that count: what stands at the start is a beginning.
  private(set) var hasToldUsage = false

  /// What blocks and their deltas have, those of the server's own tools among them.
  private static let known: Set<String> = [
    "type", "text", "citations", "citation", "thinking", "signature", "data", "id", "name", "input", "partial_json",
    "content", "tool_use_id", "is_error", "caller", "source", "title", "context", "file_id", "server_name",
  ]
  private static let knownAround: Set<String> = [
    "id", "model", "stop_reason", "stop_sequence", "container", "context_management",
  ]

  init(_ faults: FaultReader) { self.faults = faults }

  mutating func take(_ event: ServerSentEvent) throws(ProviderError) -> String {
    if event.data.allSatisfy(\.isWhitespace) { return "" }
    let data = try JSONValue(ofAnswer: event.data.utf8)
    if let error = faults.error(in: data, isErrorEvent: event.name == "error", isStream: true) { throw error }
    switch data["type"]?.stringValue ?? event.name {
    case "message_start": try begin(data["message"])
    case "content_block_start": return try beginBlock(data)
    case "content_block_delta": return try extendBlock(data)
    case "message_delta":
      usage.take(data["usage"])
      hasToldUsage = hasToldUsage || data["usage"]?["output_tokens"] != nil
      guard let delta = data["delta"]?.objectValue else { throw .malformed("an event of the answer has no delta") }
      keep(data.objectValue ?? [:])
      keep(delta)
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
    keep(message.objectValue ?? [:])
  }

  /// Null says nothing that a value before it did not.
  private mutating func keep(_ members: [String: JSONValue]) {
    let others: Set<String> = ["type", "role", "content", "usage", "delta"]
    for (name, value) in members where !value.isNull && !others.contains(name) {
      budget.keep(name, value, in: &envelope, known: Self.knownAround)
    }
  }

  private mutating func beginBlock(_ data: JSONValue) throws(ProviderError) -> String {
    guard let index = data["index"]?.integerValue, let block = data["content_block"]?.objectValue else {
      throw .malformed("an event of the answer has no content block")
    }
    try append(block)
    positions[index] = blocks.indices.last
    return block["type"]?.stringValue == "text" ? block["text"]?.stringValue ?? "" : ""
  }

  private mutating func append(_ block: [String: JSONValue]) throws(ProviderError) {
    if block["type"]?.stringValue == "tool_use" { callCount += 1 }
    guard callCount <= AnswerLimits.calls else { throw AnswerLimits.tooManyCalls }
    guard blocks.count < AnswerLimits.blocks else { throw AnswerLimits.tooManyBlocks }
    blocks.append(ContentBlock(members: try budget.admitted(block, known: Self.known)))
  }

  private mutating func extendBlock(_ data: JSONValue) throws(ProviderError) -> String {
    guard let index = data["index"]?.integerValue, let delta = data["delta"]?.objectValue,
      let position = positions[index]
    else { throw .malformed("an event of the answer belongs to no content block") }
    var added = ""
    if delta["type"]?.stringValue == "text_delta" {
      guard let text = delta["text"]?.stringValue else { throw .malformed("a delta of the answer has no text") }
      added = text
    }
    blocks[position].extend(by: try budget.admitted(delta, known: Self.known))
    return added
  }

  mutating func take(whole body: JSONValue) throws(ProviderError) -> String {
    isWhole = true
    if let error = faults.error(in: body, isStream: false) { throw error }
    guard let content = body["content"]?.arrayValue else { throw .malformed("the answer is no message") }
    try begin(body)
    hasToldUsage = usage.has("output_tokens")
    for block in content {
      guard let members = block.objectValue else { throw .malformed("a content block of the answer is no object") }
      try append(members)
    }
    return blocks.map { $0.whole(budget).text }.joined()
  }

  func reply() throws(ProviderError) -> AssembledReply {
    guard hasMessage || !blocks.isEmpty else { throw hasEndMark ? .emptyReply : .cutStream }
    let told = envelope["stop_reason"] ?? (isWhole ? JSONValue.string("end_turn") : Optional.none)
    guard let told else { throw .cutStream }
    guard let reason = told.stringValue else { throw .unknownReason }
    var reply = soFar
    reply.finish = try Self.finish(reason)
    return reply
  }

  var soFar: AssembledReply {
    let blocks = blocks.map { $0.whole(budget) }
    let message: JSONValue = ["role": "assistant", "content": .array(blocks.map(\.message))]
    return AssembledReply(
      text: blocks.map(\.text).joined(), calls: blocks.compactMap(\.call), finish: .stop, usage: counts,
      model: model, message: message, envelope: budget.marked(envelope),
      thinkingBytes: blocks.reduce(0) { $0 + $1.thinkingBytes })
  }

  private static func finish(_ reason: String) throws(ProviderError) -> FinishReason {
    switch reason {
    case "end_turn", "stop_sequence": return .stop
    case "tool_use": return .toolCalls
    case "max_tokens", "model_context_window_exceeded": return .length
    case "refusal": return .refusal
    default: throw .unknownReason
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
