import AgentCore
import Synchronization

/// Asks the parts that the service cannot live without, again and again, and tells which of them are silent. A part that
/// hangs holds nobody but itself.
final class LivenessProbe: Sendable {
  struct Part: Sendable {
    /// As the log names it: `writer`.
    var name: String
    /// Returns when the part has answered, be it with an error: a full disk that is told of is no hang. False: it gave
    /// no answer, and is asked again after a pause.
    var ask: @Sendable () async -> Bool
    /// Moves when the part has done something meanwhile: an answer too, where the question waits in a long line.
    var progress: @Sendable () -> Int64 = { 0 }
  }

  private struct State {
    /// The parts that have been asked and have not answered, with their progress at that time.
    var asked: [Int: Int64] = [:]
    var isOver = false
  }

  /// Before a part that gave no answer is asked again, and between two looks at progress.
  private static let pause: Duration = .seconds(1)

  private let parts: [Part]
  private let clock: any WallClock
  private let demands: [Wakeup]
  private let answered = Wakeup()
  private let state = Mutex(State())

  init(parts: [Part], clock: any WallClock) {
    (self.parts, self.clock) = (parts, clock)
    demands = parts.map { _ in Wakeup() }
  }

  /// Asks the parts when a round wants it, until cancelled. A part that never answers then holds this too.
  func run() async {
    await withDiscardingTaskGroup { group in
      for index in parts.indices { group.addTask { await self.serve(index) } }
    }
  }

  /// Asks every part, and returns when all have answered, or after `limit`: the names of those that are silent. One
  /// round at a time.
  func round(limit: Duration) async -> [String] {
    for index in parts.indices where begin(index) { demands[index].wake() }
    let end = clock.uptime() + limit
    while true {
      let silent = self.silent
      let left = end - clock.uptime()
      if silent.isEmpty || left <= .zero || _Concurrency.Task.isCancelled { return silent.map { parts[$0].name } }
      await answered.wait(upTo: min(left, Self.pause), clock: clock)
    }
  }

  /// From now on every round finds all well: the service is being stopped, and its parts end one after the other.
  func finish() {
    state.withLock { $0.isOver = true }
    answered.wake()
  }

  private func serve(_ index: Int) async {
    while !_Concurrency.Task.isCancelled {
      await demands[index].wait()
      while !_Concurrency.Task.isCancelled, await !parts[index].ask() {
        // Cancelled: the loop's condition ends it.
        try? await clock.sleep(for: Self.pause)
      }
      state.withLock { $0.asked[index] = nil }
      answered.wake()
    }
  }

  /// False while the question of an earlier round stands: no second one is put to a part that hangs.
  private func begin(_ index: Int) -> Bool {
    let progress = parts[index].progress()
    return state.withLock { $0.asked.updateValue(progress, forKey: index) == nil }
  }

  private var silent: [Int] {
    let (asked, isOver) = state.withLock { ($0.asked, $0.isOver) }
    return isOver ? [] : asked.filter { parts[$0.key].progress() == $0.value }.keys.sorted()
  }
}
