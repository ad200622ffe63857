import AgentCore

/// Makes a provider's reply ours: names with dots, ids that tell the calls apart, counts that can be booked.
struct ReplyMaker {
  private let request: ModelRequest
  private let wire: WireRequest
  private let provider: ProviderID

  init(_ request: ModelRequest, _ wire: WireRequest, _ provider: ProviderID) {
    (self.request, self.wire, self.provider) = (request, wire, provider)
  }

  /// Throws `provider_empty` for a reply that says nothing and asks for nothing.
  func reply(_ assembled: AssembledReply) throws(ProviderError) -> ModelReply {
    var finish = assembled.finish
    if finish == .stop || finish == .toolCalls {
      guard !assembled.saysNothing else { throw .emptyReply }
      finish = assembled.calls.isEmpty ? .stop : .toolCalls
    }
    return ModelReply(
      text: assembled.text, calls: calls(assembled.calls), finish: finish, usage: usage(of: assembled),
      model: assembled.model ?? wire.model,
      origin: ReplyOrigin(
        provider: provider, model: wire.model, message: assembled.message, envelope: assembled.envelope))
  }

  /// The error with what is to be booked of its call: of an answer that was not cut, what its provider told, if it did.
  func settled(_ error: ProviderError, _ counted: @autoclosure () -> AssembledReply?) -> ProviderError {
    let cuts: Set<ProviderError.Code> = [
      .unreachable, .timeout, .tlsFailed, .streamTruncated, .providerTooLarge, .cancelled,
    ]
    guard !cuts.contains(error.code), let counted = counted() else { return error }
    var error = error
    error.usage = usage(of: counted)
    return error
  }

  private func usage(of reply: AssembledReply) -> ModelUsage {
    let own = OwnCount(input: wire.ownInputTokens, output: OwnCount.tokens(ofBytes: Self.bytes(of: reply)))
    return own.usage(
      reply.usage, reservation: request.reservedTokens, isReplyEmpty: reply.isEmpty && reply.thinkingBytes == 0)
  }

  private static func bytes(of reply: AssembledReply) -> Int {
    reply.calls.reduce(reply.text.utf8.count + reply.thinkingBytes) {
      $0 + $1.name.utf8.count + $1.arguments.utf8.count
    }
  }

  /// An id that is missing, or that an earlier call has, gives way to one of ours.
  private func calls(_ sent: [AssembledReply.Call]) -> [ToolCall] {
    var taken = Set(sent.map(\.id))
    var seen: Set<String> = []
    return sent.enumerated().map { index, call in
      var id = call.id
      if id.isEmpty || seen.contains(id) {
        id = "call_\(request.turn)_\(index + 1)"
        while taken.contains(id) { id += "_" }
        taken.insert(id)
      }
      seen.insert(id)
      return ToolCall(id: id, name: wire.names.own(call.name), arguments: Self.arguments(call.arguments))
    }
  }

  /// Nothing at all is an empty object; what is no object stays the text that it is, for no tool to take.
  private static func arguments(_ text: String) -> JSONValue {
    if text.allSatisfy(\.isWhitespace) { return .object([:]) }
    // `try?`: what is wrong with it is for the tool's error to say.
    guard let value = try? JSONValue(arguments: text), value.objectValue != nil else { return .string(text) }
    return value
  }
}
