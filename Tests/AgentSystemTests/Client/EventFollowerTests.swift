import AgentCore
import AgentTestKit
import Synchronization
import Testing

@testable import AgentSystem

@Suite("Following a task's events")
struct EventFollowerTests {
  private struct Seen {
    var events: [TaskEvent] = []
    var error: ClientError?
    var names: [String] { events.map(\.name) }
    var ids: [Int64] { events.compactMap(\.id) }
  }

  private func follow(
    _ fixture: SessionFixture, extent: EventFollower.Extent = .untilEnd, isKnownToAnswer: Bool = false
  ) async -> Seen {
    var seen = Seen()
    let follower = EventFollower(
      client: fixture.session.api, clock: fixture.clock, random: SeededRandom(seed: 1),
      path: "/api/tasks/task-7/events",
      extent: extent)
    do throws(ClientError) {
      try await follower.follow(isKnownToAnswer: isKnownToAnswer) { (event) throws(ClientError) in
        seen.events.append(event)
      }
    } catch {
      seen.error = error
    }
    return seen
  }

  @Test("a stream cut again and again is read on from its last number, and each event is seen once")
  func resume() async throws {
    let server = try ScriptedServer { request, index in
      let after = Int(request.headers["last-event-id"] ?? "40") ?? 0
      switch index {
      case 0: return .events(RecordedEvents.opening + RecordedEvents.stream(upTo: 42))
      // Cut in the middle of an event's block: that event counts as not seen.
      case 1: return .events(RecordedEvents.stream(after: after, upTo: 44) + "id: 45\nevent: step.fin")
      case 2: return .none
      case 3: return .problem(503, "storage_busy", "later")
      // A connection that promises more than it sends.
      case 4:
        return ScriptedReply(
          raw: "HTTP/1.1 200 X\r\nContent-Length: 99999\r\n\r\n" + RecordedEvents.stream(after: after, upTo: 50))
      default: return .events(RecordedEvents.stream(after: after) + RecordedEvents.end)
      }
    }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    let seen = await follow(fixture)
    #expect(seen.error == nil)
    #expect(seen.ids == RecordedEvents.numbered.map { Int64($0.id) })
    #expect(seen.names.last == "end")
    #expect(server.requests.map { $0.headers["last-event-id"] } == [nil, "42", "44", "44", "44", "50"])
    #expect(fixture.clock.sleeps.count == 5)
  }

  @Test("a heartbeat's number is where the next connection goes on")
  func heartbeat() async throws {
    let server = try ScriptedServer { _, index in
      index == 0 ? .events("id: 40\n\nid: 90\n\n") : .events(RecordedEvents.end)
    }
    defer { server.stop() }
    let seen = await follow(try SessionFixture(server))
    #expect(seen.names == ["end"])
    #expect(server.requests.last?.headers["last-event-id"] == "90")
  }

  @Test("a server that never gets further is given up after the bound, with growing pauses")
  func bound() async throws {
    let server = try ScriptedServer { _, _ in .none }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    let seen = await follow(fixture, isKnownToAnswer: true)
    #expect(seen.error.map { ProcessExit($0) } == .unreachable)
    #expect(server.requests.count == EventFollower.maximumTries)
    #expect(fixture.clock.sleeps.count == EventFollower.maximumTries - 1)
    for (number, pause) in fixture.clock.sleeps.enumerated() {
      let longest = Duration.milliseconds(min(8000, 500 << number))
      #expect(pause >= longest / 2 && pause <= longest)
    }
  }

  @Test("a stream that ends at once, again and again, is given up too")
  func emptyStreams() async throws {
    let server = try ScriptedServer { _, _ in .events("id: 40\n\n") }
    defer { server.stop() }
    let seen = await follow(try SessionFixture(server))
    #expect(seen.error.map { ProcessExit($0) } == .unreachable)
    #expect(server.requests.count <= EventFollower.maximumTries + 1)
  }

  @Test("a server that has not answered yet is not tried again, and a refusal never")
  func firstFailure() async throws {
    let silent = try ScriptedServer { _, _ in .none }
    defer { silent.stop() }
    let seen = await follow(try SessionFixture(silent))
    #expect(seen.error.map { ProcessExit($0) } == .unreachable)
    #expect(silent.requests.count == 1)

    let refusing = try ScriptedServer { _, _ in .problem(404, "not_found", "there is no task-7") }
    defer { refusing.stop() }
    let refused = await follow(try SessionFixture(refusing), isKnownToAnswer: true)
    #expect(refused.error.map { ProcessExit($0) } == .failed)
    #expect(refusing.requests.count == 1)
  }

  @Test("what is kept ends where the live words begin")
  func kept() async throws {
    let server = try ScriptedServer { _, _ in
      .events(RecordedEvents.opening + RecordedEvents.stream(upTo: 44) + RecordedEvents.delta(1, "I"))
    }
    defer { server.stop() }
    let seen = await follow(try SessionFixture(server), extent: .kept)
    #expect(seen.error == nil)
    #expect(seen.ids == [41, 42, 44])
  }

  @Test("what is kept ends where a running task's stream falls silent")
  func quiet() async throws {
    let server = try ScriptedServer { _, _ in
      .events(RecordedEvents.opening + RecordedEvents.stream(upTo: 44), isHeld: true)
    }
    defer { server.stop() }
    let seen = await follow(try SessionFixture(server), extent: .kept)
    #expect(seen.error == nil)
    #expect(seen.ids == [41, 42, 44])
    #expect(server.requests.count == 1)
  }

  @Test("words have no number, and the number before them is not taken for theirs")
  func deltas() async throws {
    let server = try ScriptedServer { _, _ in
      .events(RecordedEvents.stream(upTo: 44) + RecordedEvents.delta(1, "Hi") + RecordedEvents.end)
    }
    defer { server.stop() }
    let seen = await follow(try SessionFixture(server))
    #expect(seen.events.suffix(2).map(\.id) == [nil, nil])
    #expect(seen.events.suffix(2).map(\.name) == ["delta", "end"])
  }
}
