import AgentCore
import AgentRuntime
import HTTPTypes
import Hummingbird
import ServiceLifecycle

/// The journal as server-sent events.
struct EventRoutes: Sendable {
  let services: APIServices
  private let places = StreamPlaces()

  init(services: APIServices) { self.services = services }

  func ofTask(_ call: APICall) async throws -> Response { try await stream(call, of: try call.taskID()) }

  func ofAll(_ call: APICall) async throws -> Response { try await stream(call, of: nil) }

  private func stream(_ call: APICall, of task: TaskID?) async throws -> Response {
    let (after, isResumed) = try Self.startingPoint(call)
    guard let place = places.take() else {
      throw APIError("too_many_connections", "\(StreamPlaces.maximum) event streams are open, which is all there are")
    }
    let feed = try await EventFeed.open(
      store: services.reader, events: services.events, clock: services.clock, task: task, after: after,
      isResumed: isResumed)
    let stream = EventStream(feed: feed, place: place)
    let reader = StalledReader(clock: services.clock, disconnect: call.disconnect)
    let (request, isStillAllowed) = (call.request, call.isStillAllowed)
    let body = ResponseBody { writer in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await reader.watch() }
        defer { group.cancelAll() }
        do {
          try await request.body.consumeWithCancellationOnInboundClose { _ in
            for try await item in stream.cancelOnGracefulShutdown() {
              // Heartbeats come this way too, so that a right that is gone ends the stream within seconds.
              guard isStillAllowed() else { break }
              let blocks = ByteBuffer(string: EventBody.blocks(item, task: task))
              try await reader.waiting { try await writer.write(blocks) }
            }
          }
        } catch is CancellationError {
          // The client left: there is nobody to tell, and nothing went wrong.
        }
        try await reader.waiting { try await writer.finish(nil) }
      }
    }
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream", .connection: "close"], body: body)
  }

  /// `Last-Event-ID` before `?after=`: a browser that reconnects repeats the query it began with.
  /// `isResumed`: it is the header's, what the reader has seen.
  private static func startingPoint(_ call: APICall) throws(APIError) -> (after: Int64?, isResumed: Bool) {
    let header = call.request.headers[lastEventID].flatMap { $0.isEmpty ? nil : $0 }
    let query = try call.query.text("after")
    guard let text = header ?? query else { return (nil, false) }
    guard let number = number(text) else {
      throw APIError("bad_event_id", "an event id is a number, as in the stream's `id:` lines")
    }
    return (number, header != nil)
  }

  static func number(_ text: String) -> Int64? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return Int64(text)
  }

  private static let lastEventID = RequestName.fieldName("Last-Event-ID")
}
