import AgentConfig
import AgentCore
import AgentTestKit
import HTTPTransport
import Synchronization
import Testing

@testable import LLMProviders

/// The two dialects side by side.
typealias Dialect = RemoteProviderSettings.Dialect

func settings(_ dialect: Dialect, _ baseURL: String = "http://127.0.0.1:1/v1") -> RemoteProviderSettings {
  RemoteProviderSettings(
    dialect: dialect, baseURL: baseURL, model: "m-1", needsKey: false, maximumTokensName: "max_tokens")
}

func modelRequest(
  _ messages: [ChatMessage] = [.user("hello")], model: String? = nil, tools: [ToolDescriptor] = [],
  reserved: Int64 = 10_000, schema: JSONValue? = nil, body: [String: JSONValue] = [:]
) -> ModelRequest {
  ModelRequest(
    model: model, messages: messages, tools: tools, maxOutputTokens: 4096, task: TaskID(number: 1), agent: "coder",
    turn: 3, outputSchema: schema, extraBody: body, reservedTokens: reserved)
}

let fileRead = ToolDescriptor(
  name: "file.read", description: "reads a file",
  parameters: ["type": "object", "properties": ["path": ["type": "string"]], "required": ["path"]])

/// What a provider makes of an answer's body that came in these pieces; thrown errors as they are.
func read(
  _ dialect: Dialect, _ pieces: [[UInt8]], type: String? = "text/event-stream", headers: [(String, String)] = []
) throws(ProviderError) -> (reply: AssembledReply, text: String) {
  let faults = FaultReader(redaction: Redaction([Secret("sk-secret")]))
  let assembler: any ReplyAssembler = dialect == .openai ? OpenAIAssembler(faults) : AnthropicAssembler(faults)
  var fields = headers.map { (name: $0.0, value: $0.1) }
  if let type { fields.append((name: "content-type", value: type)) }
  var reader = try AnswerReader(HTTPExchange.Head(status: 200, headers: fields), assembler)
  var text = ""
  for piece in pieces { text += try reader.consume(piece) }
  text += try reader.end()
  return (try reader.reply(), text)
}

/// The same of a body in one piece.
func read(
  _ dialect: Dialect, _ body: String, type: String? = "text/event-stream"
) throws(ProviderError) -> (reply: AssembledReply, text: String) {
  try read(dialect, [Array(body.utf8)], type: type)
}

/// The error of an answer that must not be taken.
func failure(_ dialect: Dialect, _ body: String, type: String? = "text/event-stream") -> ProviderError? {
  do throws(ProviderError) {
    _ = try read(dialect, body, type: type)
    return nil
  } catch {
    return error
  }
}

/// Events without names, as OpenAI sends them, with its end mark.
func openAIStream(_ chunks: [String], endMark: Bool = true) -> String {
  chunks.map { "data: \($0)\n\n" }.joined() + (endMark ? "data: [DONE]\n\n" : "")
}

/// Events named by their type, as Anthropic sends them.
func anthropicStream(_ events: [String]) -> String {
  events.map { text in
    // `try?`: some of these texts are broken on purpose.
    let name = (try? JSONValue(parsing: text))?["type"]?.stringValue ?? "message"
    return "event: \(name)\ndata: \(text)\n\n"
  }.joined()
}

/// A 200 with a stream of events in it that ends with its length.
func eventAnswer(_ body: String) -> String { answer(headers: ["Content-Type: text/event-stream"], body: body) }

func jsonAnswer(_ status: Int, headers: [String] = [], _ body: String) -> String {
  answer(status, headers: ["Content-Type: application/json"] + headers, body: body)
}

/// Collects what a call hands out while it runs.
final class Deltas: Sendable {
  private let pieces = Mutex<[String]>([])
  func add(_ text: String) { pieces.withLock { $0.append(text) } }
  var all: [String] { pieces.withLock { $0 } }
}

/// Runs the body with a provider that reaches this server, and stops both after.
func withProvider(
  _ dialect: Dialect, _ server: LoopbackServer, clock: any WallClock = ManualClock(),
  _ change: (inout RemoteProviderSettings) -> Void = { _ in },
  _ body: (RemoteProvider) async throws -> Void
) async throws {
  let transport = try CurlTransport()
  defer {
    transport.shutdown()
    server.stop()
  }
  var values = settings(dialect, server.url(dialect == .openai ? "/v1" : ""))
  change(&values)
  try await body(RemoteProvider(id: "p", settings: values, transport: transport, clock: clock))
}

/// The error of a call that must fail.
func failure(
  of request: ModelRequest = modelRequest(), on provider: RemoteProvider, _ location: SourceLocation = #_sourceLocation
) async -> ProviderError? {
  do throws(ProviderError) {
    let reply = try await provider.complete(request) { _ in }
    Issue.record("a reply came: \(reply)", sourceLocation: location)
    return nil
  } catch {
    return error
  }
}
