import AgentCore
import AgentTestKit
import InProcessCache
import Synchronization
import Testing

@testable import AgentAPI

@Suite(.timeLimit(.minutes(4))) struct HealthTests {
  /// Runs the probe beside `body`, and stops it at its end.
  private func running<Value: Sendable>(
    _ harness: APIHarness, _ body: @Sendable @escaping () async throws -> Value
  ) async throws -> Value {
    let probe = harness.services.health.database
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask {
        try await probe.run()
        return nil
      }
      group.addTask { try await body() }
      while let value = try await group.next() {
        if let value {
          group.cancelAll()
          return value
        }
      }
      throw CancellationError()
    }
  }

  private func probes(_ harness: APIHarness) -> Int { harness.store.calls.filter { $0 == "probe" }.count }

  @Test("many callers share one probe a second")
  func shared() async throws {
    let harness = APIHarness()
    try await running(harness) {
      for _ in 0..<20 { #expect(try await harness.send(.get, "/health/db").status == 200) }
      #expect(probes(harness) == 1)
      // The probe's own pause.
      while harness.clock.sleeperCount == 0, !Task.isCancelled { await Task.yield() }
      harness.clock.advance(by: .seconds(1))
      let answer = try await harness.send(.get, "/health/db")
      #expect(answer.json["journal_mode"] == "wal")
      #expect(answer.json["synchronous"] == 2)
      #expect(answer.json["age_ms"] == 0)
      #expect(probes(harness) == 2)
    }
  }

  @Test("a probe that does not end is 503 after two seconds, and holds nobody")
  func hanging() async throws {
    let harness = APIHarness()
    // Nobody runs the probe: to a caller that is the same.
    async let answer = harness.send(.get, "/health/db")
    while harness.clock.sleeperCount == 0, !Task.isCancelled { await Task.yield() }
    harness.clock.advance(by: .seconds(2))
    #expect(try await answer.status == 503)
  }

  @Test("a failing database is told by its code, on both pages")
  func failing() async throws {
    let harness = APIHarness()
    harness.store.state.withLock { $0.refusal = StoreError(.storageIOError, "/secret/path") }
    try await running(harness) {
      let page = try await harness.send(.get, "/health/db")
      #expect(page.status == 503)
      #expect(page.json["problem"] == "storage_io_error")
      let overall = try await harness.send(.get, "/health")
      #expect(overall.status == 503)
      #expect(overall.json["status"] == "degraded")
      #expect(overall.json["problems"] == ["database": "storage_io_error"])
    }
  }

  @Test("the cache's page puts and gets an entry: 503 when that fails, and nothing stays behind")
  func cache() async throws {
    let clock = ManualClock()
    let working = ExpiringCache<String, [UInt8]>(capacity: 1, lifetime: .seconds(1), clock: clock)
    #expect(HealthBoard.probe(working) == ["entries": 0])
    // What expires at once forgets what it was told.
    let forgetful = ExpiringCache<String, [UInt8]>(capacity: 1, lifetime: .zero, clock: clock)
    #expect(HealthBoard.probe(forgetful) == nil)
    for (cache, status) in [(working, 200), (forgetful, 503)] {
      let harness = APIHarness { $0.cache = { HealthBoard.probe(cache) } }
      for path in ["/health/redis", "/health/cache"] {
        #expect(try await harness.send(.get, path).status == status)
      }
    }
  }

  @Test("a check that finds something wrong is named under problems, and makes the page 503")
  func checks() async throws {
    let harness = APIHarness { board in
      board.checks = [
        HealthBoard.Check("disk") { nil }, HealthBoard.Check("journal_writer") { "storage_io_error" },
        HealthBoard.Check("clock") { "clock_behind: by an hour" },
      ]
    }
    try await running(harness) {
      let page = try await harness.send(.get, "/health")
      #expect(page.status == 503 && page.json["status"] == "degraded")
      #expect(
        page.json["problems"] == ["journal_writer": "storage_io_error", "clock": "clock_behind: by an hour"])
    }
  }

  @Test("all well is ok, with version and uptime")
  func well() async throws {
    let harness = APIHarness()
    harness.clock.advance(by: .seconds(90))
    try await running(harness) {
      let page = try await harness.send(.get, "/health")
      #expect(page.status == 200)
      #expect(page.json == ["status": "ok", "version": "1.2.3", "uptime_seconds": 90])
    }
  }
}
