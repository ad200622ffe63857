import Synchronization

/// What the test's client was told: only what the service has acknowledged can be held against it.
final class CrashLedger: Sendable {
  struct State: Sendable {
    /// Jobs that stand in the script of this life and were not asked for yet.
    var upcoming: [CrashJob] = []
    /// Jobs that were asked for.
    var jobs: [CrashJob] = []
    /// How many of those have ended and were compared.
    var settled = 0
    /// Ids answered 201, by job.
    var ids: [Int: String] = [:]
    /// Cancels answered 200 or 202 and not followed by an asked-for retry.
    var cancelled: Set<String> = []
    /// Retries asked for, by task; each may raise `attempt`.
    var retries: [String: Int] = [:]
    /// Nil while a disable or an enable is under way: then either may hold.
    var isSpareDisabled: Bool? = false
    /// The spare agent was disabled when this life became ready, and nobody has asked for another state since.
    var isSpareLeftDisabled = false
    /// Answers that must not be: a key with two tasks, a status that the verb does not have.
    var complaints: [String] = []
    var repeatedKeys = 0
  }

  private let state = Mutex(State())

  var now: State { state.withLock { $0 } }

  func change<Value: Sendable>(_ body: (inout State) -> Value) -> Value { state.withLock { body(&$0) } }

  func complain(_ sentence: String) { state.withLock { $0.complaints.append("answer: \(sentence)") } }

  func acknowledge(_ job: CrashJob, id: String) {
    state.withLock { state in
      if let earlier = state.ids[job.number], earlier != id {
        state.complaints.append("I13: key \(job.key) gave \(earlier) and \(id)")
      }
      state.ids[job.number] = id
    }
  }
}
