import AgentCore
import Synchronization

/// Names for files that are being written, none of them twice in the life of the process.
///
/// `.agent-system-task-17-3-0.part`: what a crash left behind can be told by its task and step.
package final class TemporaryNames: Sendable {
  private static let prefix = ".agent-system-"
  private static let suffix = ".part"
  private let count = Atomic<Int>(0)

  package init() {}

  /// A name for what that step is going to write.
  package func next(task: TaskID, step: Int) -> [UInt8] {
    let number = count.wrappingAdd(1, ordering: .relaxed).oldValue
    return Array("\(Self.prefix)\(task)-\(step)-\(number)\(Self.suffix)".utf8)
  }

  /// No caller may use such a name, no listing shows it.
  package static func isReserved(_ name: [UInt8]) -> Bool {
    name.starts(with: prefix.utf8) && name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  /// It was made for that step of that task.
  package static func isReserved(_ name: [UInt8], task: TaskID, step: Int) -> Bool {
    isReserved(name) && name.starts(with: "\(prefix)\(task)-\(step)-".utf8)
  }
}
