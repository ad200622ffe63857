import AgentCore

/// The integers that stand in `task` and `journal` for the names of states, events, reasons and effects. They are part
/// of the file format: a number, once given, keeps its meaning for ever.
package protocol StoredCode: CaseIterable, Sendable {
  /// The integer in the database, from 0.
  var storedCode: Int64 { get }
}

extension StoredCode {
  /// Reads an integer of the database; nil for one that no version wrote.
  package init?(storedCode: Int64) {
    guard let match = Self.allCases.first(where: { $0.storedCode == storedCode }) else { return nil }
    self = match
  }
}

extension TaskStatus: StoredCode {
  package var storedCode: Int64 {
    switch self {
    case .pending: 0
    case .running: 1
    case .waiting: 2
    case .completed: 3
    case .failed: 4
    case .cancelled: 5
    }
  }
}

extension JournalEventType: StoredCode {
  package var storedCode: Int64 {
    switch self {
    case .taskSubmitted: 1
    case .taskStarted: 2
    case .taskWaiting: 3
    case .taskResumed: 4
    case .taskRetrying: 5
    case .taskRequeued: 6
    case .taskCancelling: 7
    case .taskCompleted: 8
    case .taskFailed: 9
    case .taskCancelled: 10
    case .stepStarted: 11
    case .stepFinished: 12
    case .stepFailed: 13
    case .stepInDoubt: 14
    case .stepResolved: 15
    }
  }
}

extension WaitReason: StoredCode {
  package var storedCode: Int64 {
    switch self {
    case .approval: 1
    case .timer: 2
    case .providerLimit: 3
    case .stepInDoubt: 4
    case .restored: 5
    }
  }
}

extension EffectClass: StoredCode {
  package var storedCode: Int64 {
    switch self {
    case .pure: 1
    case .idempotent: 2
    case .once: 3
    }
  }
}
