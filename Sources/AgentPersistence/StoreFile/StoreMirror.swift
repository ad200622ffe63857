import AgentCore
import Synchronization

/// What any thread may ask of the store without waiting for it: the last commit's numbers, the numbers given out
/// since, the state of the disk.
final class StoreMirror: Sendable {
  private struct Content {
    var committed: CommitState
    var nextTask: Int64
    /// UTC milliseconds: the latest moment given out.
    var lastAt: Int64
    /// Where time goes on from while the clock is behind what was given out; nil while it is not.
    var behindSince: (at: Int64, uptime: Duration)?
    var isClockBehind = false
    var condition: StoreError?
    var disk = DiskState(freeBytes: .max, isReadOnly: false)
    var sealing: StoreSealing?
    /// Who waits for the WAL to be emptied; nil once the writer has gone.
    var truncations: [CheckedContinuation<Bool?, Never>]? = []
  }
  private let content: Mutex<Content>
  private let clock: any WallClock
  private let serviceBase: Int64
  private let openedAt: Duration

  init(_ state: CommitState, clock: any WallClock) {
    content = Mutex(Content(committed: state, nextTask: state.nextTask, lastAt: state.lastAt))
    self.clock = clock
    serviceBase = state.serviceMilliseconds
    openedAt = clock.uptime()
  }

  /// UTC that never falls: while the clock is behind what was given out before, time goes on at half its pace. Timers
  /// still come (late, never early), and the clock catches up.
  func now() -> Timestamp {
    let (wall, uptime) = (clock.now().milliseconds, clock.uptime())
    return content.withLock { content in
      content.isClockBehind = wall < content.lastAt - Self.toleratedBackwardMilliseconds
      if wall >= content.lastAt {
        (content.lastAt, content.behindSince) = (wall, nil)
      } else {
        let since = content.behindSince ?? (content.lastAt, uptime)
        content.behindSince = since
        content.lastAt = max(content.lastAt, since.at + (uptime - since.uptime).wholeMilliseconds / 2)
      }
      return Timestamp(milliseconds: content.lastAt)
    }
  }

  /// Looks at the clock alone: gives no moment out. True when the clock is behind those that were.
  func checkClock() -> Bool {
    let wall = clock.now().milliseconds
    return content.withLock { content in
      content.isClockBehind = wall < content.lastAt - Self.toleratedBackwardMilliseconds
      return content.isClockBehind
    }
  }

  /// Smaller steps back are what NTP does.
  static let toleratedBackwardMilliseconds: Int64 = 5 * 60_000

  var serviceMilliseconds: Int64 { serviceBase + (clock.uptime() - openedAt).wholeMilliseconds }

  func drawTaskIDs(count: Int) -> [TaskID] {
    content.withLock { content in
      let first = content.nextTask
      content.nextTask += Int64(count)
      return (first..<content.nextTask).map(TaskID.init(number:))
    }
  }

  var nextTask: Int64 { content.withLock { $0.nextTask } }
  var committed: CommitState { content.withLock { $0.committed } }
  var isClockBehind: Bool { content.withLock { $0.isClockBehind } }

  func note(_ state: CommitState) {
    content.withLock { content in
      content.committed = state
      content.nextTask = max(content.nextTask, state.nextTask)
      content.lastAt = max(content.lastAt, state.lastAt)
    }
  }

  var condition: StoreError? {
    get { content.withLock { $0.condition } }
    set { content.withLock { $0.condition = newValue } }
  }

  var disk: DiskState {
    get { content.withLock { $0.disk } }
    set { content.withLock { $0.disk = newValue } }
  }

  var sealing: StoreSealing? {
    get { content.withLock { $0.sealing } }
    set { content.withLock { $0.sealing = newValue } }
  }

  /// False once the writer has gone: the caller answers itself.
  func addTruncation(_ waiter: CheckedContinuation<Bool?, Never>) -> Bool {
    content.withLock { content in
      content.truncations?.append(waiter)
      return content.truncations != nil
    }
  }

  /// Those who wait for the WAL to be emptied. `isLast`: nobody can wait after this.
  func takeTruncations(isLast: Bool = false) -> [CheckedContinuation<Bool?, Never>] {
    content.withLock { content in
      defer { content.truncations = isLast || content.truncations == nil ? nil : [] }
      return content.truncations ?? []
    }
  }
}
