import AgentCore
import Synchronization

/// Keeps its lines: `info agent agent.disabled agent=coder principal=local`.
final class RecordingLog: ServiceLog {
  private let kept = Mutex<[String]>([])

  var lines: [String] { kept.withLock { $0 } }

  func record(
    _ level: LogLevel, _ component: String, _ message: String, _ fields: KeyValuePairs<String, String>
  ) {
    let line = (["\(level.rawValue) \(component) \(message)"] + fields.map { "\($0)=\($1)" }).joined(separator: " ")
    kept.withLock { $0.append(line) }
  }
}
