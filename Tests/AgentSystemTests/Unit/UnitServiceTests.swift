import AgentCore
import AgentTestKit
import Synchronization
import Testing

@testable import AgentSystem

@Suite("The watchdog", .timeLimit(.minutes(1)))
struct UnitServiceTests {
  private static let half: Duration = .seconds(15)

  @Test("ready once all is bound and every part has answered, then fed at half the watchdog's time")
  func feeding() async throws {
    let rig = WatchdogRig()
    try await rig.run {
      rig.writer.close()
      rig.bound.wake()
      await rig.writer.asked(1)
      #expect(rig.sent.all == [])
      rig.writer.open()
      await rig.feeds(1)
      #expect(rig.sent.all == ["READY=1\nSTATUS=well", "WATCHDOG=1\nSTATUS=well"])
      for count in 2...4 {
        await rig.moved(by: Self.half)
        await rig.feeds(count)
      }
      #expect(rig.log.lines == [])
    }
  }

  @Test("while a part is silent nothing is fed, the log names it once, and its answer is fed at once")
  func silence() async throws {
    let rig = WatchdogRig()
    try await rig.run {
      rig.bound.wake()
      await rig.feeds(1)
      rig.writer.close()
      await rig.moved(by: Self.half)
      await rig.writer.asked(3)
      for _ in 0..<40 { await rig.moved(by: .seconds(1)) }
      #expect(rig.feedCount == 1)
      #expect(rig.log.lines.count == 1 && rig.log.lines.first?.contains("no answer from: writer") == true)
      #expect(rig.sent.all.last == "STATUS=no answer from: writer")
      // The part that hangs is not asked a second time.
      #expect(rig.writer.count == 3)
      rig.writer.open()
      await rig.feeds(2)
      #expect(rig.log.lines.last?.contains("all parts answer again") == true)
    }
  }

  @Test("a part that hangs but goes on with its work counts as alive")
  func progress() async throws {
    let rig = WatchdogRig()
    try await rig.run {
      rig.bound.wake()
      await rig.feeds(1)
      rig.writer.close()
      for count in 2...3 {
        await rig.moved(by: Self.half)
        // The round waits: what was done until then is no answer.
        await rig.sleeping()
        rig.done.add(1)
        await rig.moved(by: .seconds(1))
        await rig.feeds(count)
      }
    }
  }

  @Test("a question without an answer is put again")
  func repeated() async throws {
    let rig = WatchdogRig()
    try await rig.run {
      rig.refusals.add(2)
      rig.bound.wake()
      while rig.feedCount == 0, !Task.isCancelled { await rig.moved(by: .seconds(1)) }
      #expect(rig.refusals.value == 0)
    }
  }

  @Test("during a stop it is fed without asking, and the stop is told")
  func stop() async throws {
    let rig = WatchdogRig()
    try await rig.run {
      rig.bound.wake()
      await rig.feeds(1)
      rig.writer.close()
      let notice = StopNotice(link: rig.link, probe: rig.probe)
      // A task that is cancelled stands for a service that is told to stop.
      await withTaskGroup { group in
        group.addTask { try? await notice.run() }
        group.cancelAll()
      }
      #expect(rig.sent.all.last?.hasPrefix("STOPPING=1\n") == true)
      for count in 2...3 {
        await rig.moved(by: Self.half)
        await rig.feeds(count)
      }
      rig.writer.open()
    }
  }
}

/// The service on a clock that the test moves, with a writer that answers when it is let.
private final class WatchdogRig: Sendable {
  let clock = ManualClock()
  let sent = SentWords()
  let log = NotedLines()
  let bound = Wakeup()
  let writer = AnswerGate()
  /// What the writer has done besides answering.
  let done = Tally()
  /// How often the other part still gives no answer.
  let refusals = Tally()
  let link: UnitLink
  let probe: LivenessProbe

  init() {
    link = sent.link(["WATCHDOG_USEC": "30000000"])
    let (writer, done, refusals) = (writer, done, refusals)
    probe = LivenessProbe(
      parts: [
        .init(name: "other", ask: { !refusals.takeOne() }),
        .init(
          name: "writer",
          ask: {
            await writer.ask()
            return true
          }, progress: { done.value }),
      ], clock: clock)
  }

  func run(_ body: () async throws -> Void) async throws {
    let service = UnitService(
      link: link, probe: probe, clock: clock, log: log, bound: bound, status: { "well" })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await service.run() }
      try await body()
      writer.open()
      group.cancelAll()
    }
  }

  var feedCount: Int { sent.all.count { $0.hasPrefix("WATCHDOG=1") } }

  func feeds(_ count: Int) async {
    while feedCount < count, !Task.isCancelled { await Task.yield() }
    #expect(feedCount == count)
  }

  /// Returns when somebody sleeps.
  func sleeping() async {
    while clock.sleeperCount == 0, !Task.isCancelled { await Task.yield() }
  }

  func moved(by time: Duration) async {
    await sleeping()
    clock.advance(by: time)
  }
}

private final class Tally: Sendable {
  private let count = Mutex<Int64>(0)

  var value: Int64 { count.withLock { $0 } }
  func add(_ number: Int64) { count.withLock { $0 += number } }

  /// Whether there was one left.
  func takeOne() -> Bool {
    count.withLock { count in
      defer { count = max(0, count - 1) }
      return count > 0
    }
  }
}

/// A part that answers while it is open.
private final class AnswerGate: Sendable {
  private struct State {
    var isOpen = true
    var count = 0
    var waiting: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())

  var count: Int { state.withLock { $0.count } }

  func close() { state.withLock { $0.isOpen = false } }

  func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  func ask() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        state.count += 1
        if !state.isOpen { state.waiting.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
  }

  /// Returns when it has been asked so often.
  func asked(_ times: Int) async {
    while count < times, !Task.isCancelled { await Task.yield() }
  }
}

private final class NotedLines: ServiceLog {
  private let noted = Mutex<[String]>([])

  var lines: [String] { noted.withLock { $0 } }

  func record(
    _ level: LogLevel, _ component: String, _ message: String, _ fields: KeyValuePairs<String, String>
  ) {
    noted.withLock { $0.append("\(component) \(message)") }
  }
}
