import AgentConfig
import AgentCore
import Foundation
import HTTPTransport

/// One call of a model as it goes to a provider.
struct WireRequest: Sendable {
  /// As it was asked for: the provider's own where the request names none.
  let model: String
  let names: ToolNames
  let body: [UInt8]
  /// Our own count of the input, by the bytes of its text.
  let ownInputTokens: Int64

  init(_ request: ModelRequest, provider: ProviderID, _ settings: RemoteProviderSettings) {
    model = request.model ?? settings.model
    names = ToolNames(request.tools)
    let pair = ReplySource(provider: provider, model: model)
    var members =
      switch settings.dialect {
      case .openai: OpenAIRequest(request, pair, names).members
      case .anthropic: AnthropicRequest(request, pair, names).members
      }
    for (name, value) in settings.body.merging(request.extraBody, uniquingKeysWith: { $1 }) {
      if value.isNull { members.removeValue(forKey: name) } else { members[name] = value }
    }
    // Part of every budget: nothing takes it away.
    members[settings.maximumTokensName] = JSONValue(request.maxOutputTokens)
    if request.tools.isEmpty {
      for name in Self.toolMembers { members.removeValue(forKey: name) }
    }
    if settings.dialect == .anthropic {
      AnthropicRequest.finish(&members, request, pair, cachesPrompts: settings.cachesPrompts)
    }
    body = JSONValue.object(members).encoded()
    ownInputTokens = Self.ownCount(request, body)
  }

  /// Of a `body`, refused where no tools go out.
  private static let toolMembers = ["tool_choice", "parallel_tool_calls"]

  /// The base64 of pictures is not text.
  private static func ownCount(_ request: ModelRequest, _ body: [UInt8]) -> Int64 {
    var (textBytes, images) = (body.count, 0)
    for case .user(_, let pictures) in request.messages {
      images += pictures.count
      textBytes -= pictures.reduce(0) { $0 + ($1.bytes.count + 2) / 3 * 4 }
    }
    return OwnCount.tokens(ofBytes: max(0, textBytes)) + Int64(images) * ChatImage.reservedTokens
  }
}

/// Whose reply goes back as it came: the pair that made it, and no other.
struct ReplySource: Sendable, Hashable {
  let provider: ProviderID
  let model: String

  /// The message as that pair sent it; nil for a reply of another.
  func ownMessage(_ origin: ReplyOrigin?) -> JSONValue? {
    guard let origin, origin.provider == provider, origin.model == model else { return nil }
    return origin.message
  }
}

extension ToolCall {
  /// What goes back to a model where its arguments were no object: servers refuse such a conversation for ever.
  var mendedArguments: JSONValue { arguments.objectValue == nil ? .object([:]) : arguments }
}

extension ChatImage {
  var base64: String { Data(bytes).base64EncodedString() }
}
