import AgentCore
import AgentTestKit
import Foundation
import HTTPTransport
import Testing

/// What most end-to-end tests ask of a service.
extension ServiceProcess {
  /// Configuration files for a sandbox that answers by a script; `rules` are the lines below `rules:`, in JSON.
  static func scripted(_ rules: [JSONValue], agents: JSONValue? = nil) -> [String: String] {
    // JSON is YAML: nothing has to be escaped a second time.
    var files = [
      "providers.yaml": "providers:\n  sandbox: {type: sandbox, script: script.yaml}\n",
      "script.yaml": "rules:\n" + rules.map { "  - \($0.text)\n" }.joined(),
    ]
    if let agents { files["agents.yaml"] = "agents: \(agents.text)\n" }
    return files
  }

  /// A rule under which a task with that prompt calls these tools in its first turn.
  static func calling(_ prompt: String, _ calls: [(name: String, arguments: JSONValue)]) -> JSONValue {
    [
      "when": ["prompt": .string(prompt), "turn": 1],
      "reply": ["tool_calls": .array(calls.map { ["name": .string($0.name), "arguments": $0.arguments] })],
    ]
  }

  /// The last rule of most scripts.
  static let saysDone: JSONValue = ["reply": ["text": "done"]]
  /// Works until it is cut: longer than any test.
  static let worksForever: JSONValue = ["reply": ["delay": "600s", "text": "never"]]

  /// Sends it and expects a problem of that status and code; gives the answer.
  @discardableResult
  func refused(
    _ status: Int, _ code: String, _ method: String, _ path: String, _ body: JSONValue? = nil,
    headers: [(String, String)] = [], overTCP: Bool = false, location: SourceLocation = #_sourceLocation
  ) async throws -> Answer {
    let answer = try await send(method, path, body, headers: headers, overTCP: overTCP)
    #expect(
      answer.status == status && answer.json["code"]?.stringValue == code,
      "\(method) \(path) \(headers): \(answer.status) \(answer.text)", sourceLocation: location)
    #expect(answer.head.value(of: "content-type") == "application/problem+json", sourceLocation: location)
    #expect(answer.head.value(of: "x-request-id") != nil, sourceLocation: location)
    return answer
  }

  func task(_ id: String) async throws -> JSONValue { try await send("GET", "/api/tasks/\(id)").json }

  func steps(_ id: String) async throws -> [JSONValue] {
    try await send("GET", "/api/tasks/\(id)/steps").json["data"]?.arrayValue ?? []
  }

  /// All ids of the list, newest first.
  func listed(_ query: String = "") async throws -> [String] {
    let answer = try await send("GET", "/api/tasks" + query)
    return (answer.json["data"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
  }

  /// Returns once a worker has begun it.
  func running(_ id: String) async throws {
    var events = try await self.events("/api/tasks/\(id)/events")
    while let event = try await events.next(), event.name != "step.started" {}
  }

  func events(_ path: String, headers: [(String, String)] = []) async throws -> EventReader {
    var request = HTTPExchange.Request(url: "http://localhost" + path, headers: headers)
    request.unixSocketPath = socket
    request.timeouts = HTTPExchange.Timeouts(firstByte: .seconds(30), idle: .seconds(60), total: nil)
    request.maximumResponseBytes = nil
    return EventReader(try await transport.stream(request))
  }

  /// Asks again until it fits, and gives the last answer; a limit in tries, each of which waits for the service.
  func asking(
    _ method: String = "GET", _ path: String, until isFit: (Answer) -> Bool
  ) async throws -> Answer {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(20)
    var answer = try await send(method, path)
    while !isFit(answer), clock.now < end { answer = try await send(method, path) }
    return answer
  }
}

/// A stream of events, read one at a time.
struct EventReader {
  let head: HTTPExchange.Head
  private var pieces: HTTPExchange.ResponseBody.Iterator
  private var parser = EventStreamParser()
  private var waiting: [ServerSentEvent] = []
  /// All bytes so far, as text.
  private(set) var text = ""

  init(_ response: HTTPExchange.StreamedResponse) {
    head = response.head
    pieces = response.body.makeAsyncIterator()
  }

  var lastEventID: String { parser.lastEventID }

  /// Nil at the stream's end.
  mutating func next() async throws -> ServerSentEvent? {
    while waiting.isEmpty {
      guard let bytes = try await pieces.next() else { return nil }
      text += String(decoding: bytes, as: UTF8.self)
      waiting += try parser.consume(bytes)
    }
    return waiting.removeFirst()
  }

  /// Until a bare `id:` block has come.
  mutating func position() async throws -> String {
    while parser.lastEventID.isEmpty {
      guard let bytes = try await pieces.next() else { break }
      text += String(decoding: bytes, as: UTF8.self)
      waiting += try parser.consume(bytes)
    }
    return parser.lastEventID
  }

  /// The next bytes as they came, events or not; empty at the stream's end.
  mutating func piece() async throws -> String {
    guard let bytes = try await pieces.next() else { return "" }
    waiting += try parser.consume(bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  mutating func rest() async throws -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    while let event = try await next() { events.append(event) }
    return events
  }
}
