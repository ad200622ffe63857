import AgentCore
import Synchronization

/// The texts of table `name` by number, for callers that may not wait for a read. A number that a rolled-back closure
/// gave is given again to the next text, which then takes its place here: for a committed number it is always right.
final class NameCache: Sendable {
  private struct State {
    var texts: [Int64: String] = [:]
    var agents: Set<Int64> = []
  }
  private let state = Mutex(State())

  /// Names that tasks have as their agent, and perhaps some that no longer do: whose counters make up the totals.
  var agents: Set<Int64> { state.withLock { $0.agents } }

  func remember(_ id: Int64, _ text: String) { state.withLock { $0.texts[id] = text } }
  func rememberAgent(_ id: Int64) { _ = state.withLock { $0.agents.insert(id) } }

  subscript(id: Int64) -> String? { state.withLock { $0.texts[id] } }
}
