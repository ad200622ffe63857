import AgentCore
import HTTPTransport

/// Reads the body of a 200 answer, in pieces of any size, into an assembler: events, or one JSON text.
struct AnswerReader {
  private enum Form { case unknown, events, json }

  private var assembler: any ReplyAssembler
  private var form: Form
  private var parser = EventStreamParser(readsErrorLines: true)
  /// The JSON text so far; of an answer without a type, what came before it showed its form.
  private var text = GrowingBytes()

  /// Throws for an answer whose head says that it cannot be read.
  init(_ head: HTTPExchange.Head, _ assembler: any ReplyAssembler) throws(ProviderError) {
    self.assembler = assembler
    let encoding = head.value(of: "content-encoding")?.lowercased() ?? ""
    // Its size once it is unpacked is anybody's guess, and nobody asked for it.
    guard ["", "identity"].contains(encoding) else {
      throw ProviderError(.providerTooLarge, "the answer is compressed, which was not asked for", wasSent: true)
    }
    let type = head.value(of: "content-type")?.split(separator: ";").first.map { $0.withoutBlanks.lowercased() } ?? ""
    switch type {
    case "": form = .unknown
    case "text/event-stream": form = .events
    case "application/json": form = .json
    default:
      guard type.hasPrefix("application/"), type.hasSuffix("+json") else {
        throw .malformed("the answer is neither JSON nor a stream of events")
      }
      form = .json
    }
  }

  /// Nothing further needs to be read.
  var hasEndMark: Bool { assembler.hasEndMark }

  /// Takes the next piece and returns the text that it adds to the reply.
  mutating func consume(_ bytes: [UInt8]) throws(ProviderError) -> String {
    switch form {
    case .events: return try consumeEvents(bytes)
    case .json:
      text.append(bytes)
      return ""
    case .unknown:
      text.append(bytes)
      // All that came before was blanks.
      guard let first = bytes.first(where: { !" \t\r\n".utf8.contains($0) }) else { return "" }
      // A JSON object, or a field of an event or a comment.
      guard "{:dei\u{FEFF}".utf8.contains(first) else {
        throw .malformed("the answer is neither JSON nor a stream of events")
      }
      form = first == UInt8(ascii: "{") ? .json : .events
      if form == .json { return "" }
      defer { text = GrowingBytes() }
      return try consumeEvents(text.bytes)
    }
  }

  /// After the last piece: the text that a JSON body adds, which could not be read before.
  mutating func end() throws(ProviderError) -> String {
    guard form == .json else { return "" }
    // Nothing of the text is held once it is read.
    defer { text = GrowingBytes() }
    return try assembler.take(whole: JSONValue(ofAnswer: text.bytes))
  }

  /// What `end()` has to read at once.
  var heldBytes: Int { form == .json ? text.count : 0 }

  func reply() throws(ProviderError) -> AssembledReply { try assembler.reply() }

  /// What has come, once the provider has told what the whole call used; nil before.
  var counted: AssembledReply? { assembler.hasToldUsage ? assembler.soFar : nil }

  private mutating func consumeEvents(_ bytes: [UInt8]) throws(ProviderError) -> String {
    let events: [ServerSentEvent]
    do throws(EventStreamError) {
      events = try parser.consume(bytes)
    } catch {
      throw ProviderError(.providerTooLarge, "a line of the answer is too long", wasSent: true)
    }
    var added = ""
    for event in events where !assembler.hasEndMark {
      guard event.isText else { throw .malformed("an event of the answer is not UTF-8") }
      added += try assembler.take(event)
    }
    return added
  }
}

extension Substring {
  fileprivate var withoutBlanks: Substring {
    let start = drop { $0 == " " || $0 == "\t" }
    return start.lastIndex { $0 != " " && $0 != "\t" }.map { start[...$0] } ?? ""
  }
}
