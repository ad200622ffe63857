import AgentCore
import Synchronization

/// Lets every commit fail from the second one that touches a task on: submitted, claimed, then nothing more.
final class FaultAfterClaim: Sendable {
  private struct State {
    var fault: CommitFault?
    var commits = 0
  }
  private let state = Mutex(State())

  func set(_ fault: CommitFault) { state.withLock { $0.fault = fault } }

  func committed(_ notice: CommitNotice) {
    guard !notice.tasks.isEmpty else { return }
    let fault = state.withLock { state in
      state.commits += 1
      return state.commits == 2 ? state.fault : nil
    }
    fault?.set(CommitFault.ioError)
  }
}
