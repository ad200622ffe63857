import AgentCore
import HTTPTransport

/// One event of a task's stream as the client shows it.
struct TaskEvent: Sendable, Equatable {
  /// `step.started`, `delta`, `end`, …
  var name: String
  /// Nil for `delta`, `gap` and `end`, which are never replayed.
  var id: Int64?
  /// The `data:` object; null where it is no JSON.
  var json: JSONValue

  init(name: String, id: Int64?, json: JSONValue) { (self.name, self.id, self.json) = (name, id, json) }

  init(_ event: ServerSentEvent) {
    name = event.name
    id = Self.unnumbered.contains(event.name) ? nil : Int64(event.lastEventID)
    // A newer server may send what is no JSON: its event is still shown by name.
    json = (try? JSONValue(stored: event.data.utf8)) ?? .null
  }

  private static let unnumbered: Set<String> = ["delta", "gap", "end"]

  /// Nothing follows in this stream.
  var isEnd: Bool { name == "end" }

  var step: Int64? { json["step"]?.integerValue }

  /// When it happened, by the server's clock.
  var at: Timestamp? { json["at"]?.stringValue.flatMap(Timestamp.init(rfc3339:)) }

  /// `{"data":{…},"event":"step.started","id":12}`
  var line: JSONValue {
    ["event": .string(name), "id": id.map(JSONValue.integer) ?? .null, "data": json]
  }
}
