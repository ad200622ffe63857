import AgentCore
import HTTPTransport

/// Reads a stream of events to its end over as many connections as it takes, each from where the last one broke off.
struct EventFollower: Sendable {
  /// When to stop without an `end` event.
  enum Extent: Sendable {
    /// Live, until the task is over.
    case untilEnd
    /// What is kept already: until the stream turns live or quiet.
    case kept
  }

  /// Connections in a row that bring nothing new before the server counts as gone: half a minute and more.
  static let maximumTries = 8
  private static let firstPause: Duration = .milliseconds(500)
  private static let longestPause: Duration = .seconds(8)
  /// Three heartbeats of the server.
  private static let silence: Duration = .seconds(45)
  /// A stream that has shown what is kept is silent; a busy disk needs less than this from row to row.
  private static let keptSilence: Duration = .seconds(2)

  private let client: APIClient
  private let clock: any WallClock
  private let random: any RandomSource
  private let path: String
  private let extent: Extent

  init(
    client: APIClient, clock: any WallClock, random: any RandomSource, path: String, extent: Extent = .untilEnd
  ) {
    (self.client, self.clock, self.random, self.path, self.extent) = (client, clock, random, path, extent)
  }

  /// Hands over each event once, in order, `end` included; returns after it. Throws what the last try met, or what
  /// `handle` throws. `isKnownToAnswer`: the server answered a moment ago, so that even a first failure is tried again.
  func follow(
    isKnownToAnswer: Bool, _ handle: (TaskEvent) async throws(ClientError) -> Void
  ) async throws(ClientError) {
    var lastEventID = ""
    var tries = 0
    var answered = isKnownToAnswer
    while true {
      let before = lastEventID
      do throws(ClientError) {
        if try await readOnce(&lastEventID, &answered, handle) { return }
        if tries + 1 >= Self.maximumTries, lastEventID == before {
          throw .unreachable(server: "\(client.address)", detail: "it ends the stream again and again", wasSent: false)
        }
      } catch {
        guard answered, Self.isPassing(error), tries + 1 < Self.maximumTries || lastEventID != before else {
          throw error
        }
      }
      tries = lastEventID == before ? tries + 1 : 1
      // Cancelled while it waits: the next connection ends at once with the reason.
      try? await clock.sleep(for: pause(after: tries))
    }
  }

  /// One connection. True when the stream is over; false when it only broke off.
  private func readOnce(
    _ lastEventID: inout String, _ answered: inout Bool, _ handle: (TaskEvent) async throws(ClientError) -> Void
  ) async throws(ClientError) -> Bool {
    let resume = lastEventID.isEmpty ? [] : [("Last-Event-ID", lastEventID)]
    let isKept = if case .kept = extent { true } else { false }
    let response = try await client.stream(
      APIRequest(.get, path, headers: resume), accept: "text/event-stream",
      idle: isKept ? Self.keptSilence : Self.silence)
    answered = true
    var parser = EventStreamParser()
    var pieces = response.body.makeAsyncIterator()
    while true {
      let bytes: [UInt8]
      do throws(TransportError) {
        guard let next = try await pieces.next() else { return false }
        bytes = next
      } catch {
        if isKept, error.code == .timeout { return true }
        throw client.failure(error)
      }
      for event in try events(in: bytes, &parser) {
        if isKept, event.name == "delta" { return true }
        try await handle(TaskEvent(event))
        if !event.lastEventID.isEmpty { lastEventID = event.lastEventID }
        if event.name == "end" { return true }
      }
      // Heartbeats carry a number but are no events.
      if !parser.lastEventID.isEmpty { lastEventID = parser.lastEventID }
    }
  }

  private func events(
    in bytes: [UInt8], _ parser: inout EventStreamParser
  ) throws(ClientError) -> [ServerSentEvent] {
    do throws(EventStreamError) { return try parser.consume(bytes) } catch {
      throw .badAnswer(server: "\(client.address)", detail: "its stream of events has a line without end")
    }
  }

  /// Errors that another connection may not meet.
  private static func isPassing(_ error: ClientError) -> Bool {
    switch error {
    case .unreachable: !Task.isCancelled
    case .problem(let problem): problem.status == 429 || problem.status >= 500
    default: false
    }
  }

  private func pause(after tries: Int) -> Duration {
    let doubled = Self.firstPause * (1 << min(tries - 1, 6))
    return min(doubled, Self.longestPause) * (0.5 + random.unit() / 2)
  }
}
