import AgentCore
import HTTPTransport

/// Puts a reply together from what one provider sends, in its own dialect: pure, so that tests feed it bytes.
protocol ReplyAssembler: Sendable {
  /// Takes the next event of a stream and returns the text that it adds to the reply. Throws what the event says went
  /// wrong, and `provider_malformed` for an event that cannot be read.
  mutating func take(_ event: ServerSentEvent) throws(ProviderError) -> String

  /// Takes an answer that came as one JSON body, and returns the reply's text.
  mutating func take(whole body: JSONValue) throws(ProviderError) -> String

  /// The stream has said that it is over: what comes after is not read.
  var hasEndMark: Bool { get }

  /// The reply, once the body has ended or the end mark has come. Throws `stream_truncated` when no stop reason has
  /// come, and `provider_empty` when no reply has.
  func reply() throws(ProviderError) -> AssembledReply

  /// What has come so far, whatever its end.
  var soFar: AssembledReply { get }

  /// The provider has told what the whole call used.
  var hasToldUsage: Bool { get }
}

/// A reply as its provider sent it, before names, ids and counts are made ours.
struct AssembledReply: Sendable, Hashable {
  struct Call: Sendable, Hashable {
    /// As it was sent: empty where there was none.
    var id: String
    /// As it is on the wire: underscores in place of dots.
    var name: String
    /// JSON text, or whatever the model wrote there.
    var arguments: String
  }
  var text: String
  var calls: [Call]
  var finish: FinishReason
  var usage: TokenCounts
  /// Nil when the answer names none.
  var model: String?
  /// What goes back to the same provider: see `ReplyOrigin.message`.
  var message: JSONValue
  /// What stood around it: see `ReplyOrigin.envelope`.
  var envelope: [String: JSONValue] = [:]
  /// Of the thinking that came with it, which is no part of `text`.
  var thinkingBytes = 0

  /// Nothing came.
  var isEmpty: Bool { text.isEmpty && calls.isEmpty }

  /// It asks for nothing, and says nothing that could be seen.
  var saysNothing: Bool { calls.isEmpty && !text.unicodeScalars.contains(where: \.isVisible) }
}

extension Unicode.Scalar {
  /// It leaves something to see: it is no white space, and none of the characters that only shape or join others.
  fileprivate var isVisible: Bool {
    !properties.isWhitespace && !properties.isDefaultIgnorableCodePoint
      && ![.control, .format].contains(properties.generalCategory)
  }
}

extension ProviderError {
  /// An answer that cannot be read. The sentence never holds a part of it.
  static func malformed(_ sentence: String) -> ProviderError {
    ProviderError(.providerMalformed, sentence, wasSent: true)
  }

  static let cutStream = ProviderError(
    .streamTruncated, "the answer ended before the reply did", wasSent: true)

  static let unknownReason = malformed("the answer ends for a reason that is not known here")

  static let emptyReply = ProviderError(.providerEmpty, "the provider answered without a reply", wasSent: true)
}

/// How many parts one answer may have: more are no reply, and each of them costs us more than its bytes.
enum AnswerLimits {
  static let calls = 128
  static let blocks = 1024

  static let tooManyCalls = ProviderError.malformed("the answer has more than \(calls) tool calls")
  static let tooManyValues = ProviderError(
    .providerTooLarge, "the answer holds more than \(JSONValue.maximumAnswerValues) JSON values", wasSent: true)
  static let tooManyBlocks = ProviderError.malformed("the answer has more than \(blocks) content blocks")
}

extension JSONValue {
  /// Of an event or a whole answer.
  init(ofAnswer text: some Collection<UInt8>) throws(ProviderError) {
    do throws(JSONSyntaxError) {
      try self.init(answer: text)
    } catch {
      if error.code == .tooMany { throw AnswerLimits.tooManyValues }
      throw .malformed("a part of the answer is \(error.code == .tooDeep ? error.detail : "not JSON")")
    }
    guard objectValue != nil else { throw .malformed("a part of the answer is not a JSON object") }
  }

  /// The member, unless it is missing or null.
  func present(_ member: String) -> JSONValue? {
    guard let value = self[member], !value.isNull else { return nil }
    return value
  }
}
