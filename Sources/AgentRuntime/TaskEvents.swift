import AgentCore
import Synchronization

/// A piece of a reply as the model writes it: live only, never stored.
package struct ModelDelta: Sendable, Hashable {
  package var task: TaskID
  package var step: Int
  package var attempt: Int
  package var text: String
  package init(task: TaskID, step: Int, attempt: Int, text: String) {
    (self.task, self.step, self.attempt, self.text) = (task, step, attempt, text)
  }
}

/// Tells live readers that the journal grew, and passes deltas on. Readers fetch the rows themselves, so a slow one
/// costs the others nothing.
package final class TaskEvents: Sendable {
  private struct State {
    var subscribers: [Int: Subscription] = [:]
    var next = 0
    var onEnded: @Sendable ([TaskID]) -> Void = { _ in }
  }
  private let state = Mutex(State())

  package init() {}

  /// One reader: woken when rows of its task (nil: any) were committed, handed the deltas since its last look.
  package final class Subscription: Sendable {
    /// Deltas that a reader may leave unread; past it they are dropped, and the reader is told to go. Pieces that
    /// follow each other are joined up to `joinedBytes`, so that a reader that is merely busy is not taken for slow.
    package static let maximumDeltas = 4096
    /// What those may hold together. One alone may be larger: a reply that came in one piece.
    package static let maximumDeltaBytes = 8 << 20
    /// Well below what one event may hold (4 KiB).
    private static let joinedBytes = 2048

    /// More than a reader may leave unread.
    static func isTooMuch(_ count: Int, bytes: Int) -> Bool {
      count > maximumDeltas || (count > 1 && bytes > maximumDeltaBytes)
    }

    fileprivate struct Inbox {
      var deltas: [ModelDelta] = []
      var unreadBytes = 0
      var isOverrun = false
      var hasRows = false

      mutating func take(_ delta: ModelDelta) {
        if isOverrun { return }
        if let last = deltas.last, (last.task, last.step, last.attempt) == (delta.task, delta.step, delta.attempt),
          last.text.utf8.count + delta.text.utf8.count <= joinedBytes
        {
          deltas[deltas.count - 1].text += delta.text
        } else {
          deltas.append(delta)
        }
        unreadBytes += delta.text.utf8.count
        if Subscription.isTooMuch(deltas.count, bytes: unreadBytes) { (deltas, isOverrun) = ([], true) }
      }
    }
    fileprivate let task: TaskID?
    private let wantsDeltas: Bool
    fileprivate let inbox = Mutex(Inbox())
    fileprivate let wakeup = Wakeup()
    private let leave: @Sendable () -> Void

    fileprivate init(task: TaskID?, wantsDeltas: Bool, leave: @escaping @Sendable () -> Void) {
      (self.task, self.wantsDeltas, self.leave) = (task, wantsDeltas, leave)
    }

    fileprivate func wants(_ delta: ModelDelta) -> Bool { wantsDeltas && (task ?? delta.task) == delta.task }

    /// Returns when there is something to look at, when the time is up, or when the caller is cancelled.
    package func next(within limit: Duration, clock: any WallClock) async {
      await wakeup.wait(upTo: limit, clock: clock)
    }

    /// Returns when there is something to look at, or when the caller is cancelled.
    package func next() async { await wakeup.wait() }

    /// What came since the last call; nil when this reader was too slow and must be dropped.
    package func takeDeltas() -> [ModelDelta]? {
      inbox.withLock { inbox in
        defer { (inbox.deltas, inbox.unreadBytes) = ([], 0) }
        return inbox.isOverrun ? nil : inbox.deltas
      }
    }

    /// Whether rows of its task (or any) were committed since the last call.
    package func takeHasRows() -> Bool {
      inbox.withLock { inbox in
        defer { inbox.hasRows = false }
        return inbox.hasRows
      }
    }

    /// Ends the subscription; must be called once.
    package func cancel() { leave() }
  }

  /// A reader of rows alone is not handed deltas: it would hold what it never looks at.
  package func changes(of task: TaskID?, withDeltas: Bool = false) -> Subscription {
    state.withLock { state in
      let key = state.next
      state.next += 1
      let subscription = Subscription(task: task, wantsDeltas: withDeltas) { [weak self] in
        self?.state.withLock { _ = $0.subscribers.removeValue(forKey: key) }
      }
      state.subscribers[key] = subscription
      return subscription
    }
  }

  package var subscriberCount: Int { state.withLock { $0.subscribers.count } }

  /// `handler` is told of tasks that have ended, after that is on disk. It is called on the writer's thread and must not
  /// block. One handler.
  package func onEnded(_ handler: @escaping @Sendable ([TaskID]) -> Void) { state.withLock { $0.onEnded = handler } }

  /// The store's word after each commit. Those that touched no task (service time, an agent's state) have no rows.
  package func committed(_ notice: CommitNotice) {
    if !notice.ended.isEmpty { state.withLock { $0.onEnded }(notice.ended.sorted()) }
    guard !notice.tasks.isEmpty else { return }
    for subscriber in state.withLock({ Array($0.subscribers.values) }) {
      if let task = subscriber.task, !notice.tasks.contains(task) { continue }
      subscriber.inbox.withLock { $0.hasRows = true }
      subscriber.wakeup.wake()
    }
  }

  package func publish(_ delta: ModelDelta) {
    for subscriber in state.withLock({ Array($0.subscribers.values) }) where subscriber.wants(delta) {
      subscriber.inbox.withLock { $0.take(delta) }
      subscriber.wakeup.wake()
    }
  }
}
