@testable import AgentCore
import Testing

@Suite("The table of task states")
struct TaskTransitionTests {
  struct Row: Sendable {
    var from: [TaskStatus?]
    var move: TaskMove
    var to: TaskStatus
    var event: String
  }

  /// The contract's rows, one line each; whatever is not here does not exist.
  static let table = [
    Row(from: [nil], move: .submit, to: .pending, event: "task.submitted"),
    Row(from: [.pending], move: .claim, to: .running, event: "task.started"),
    Row(from: [.pending, .running], move: .wait, to: .waiting, event: "task.waiting"),
    Row(from: [.waiting], move: .resume, to: .pending, event: "task.resumed"),
    Row(from: [.running], move: .retryAfterError, to: .pending, event: "task.retrying"),
    Row(from: [.running], move: .requeue, to: .pending, event: "task.requeued"),
    Row(from: [.running], move: .complete, to: .completed, event: "task.completed"),
    Row(from: [.pending, .running, .waiting], move: .fail, to: .failed, event: "task.failed"),
    Row(from: [.pending, .waiting, .running], move: .cancel, to: .cancelled, event: "task.cancelled"),
    Row(from: [.failed, .cancelled], move: .retryAsked, to: .pending, event: "task.retrying"),
  ]
  static let statuses: [TaskStatus?] = [nil] + TaskStatus.allCases.map(Optional.some)

  private func expected(_ move: TaskMove, _ status: TaskStatus?) -> TaskTransition.Result? {
    Self.table.first { $0.move == move && $0.from.contains(status) }.flatMap { row in
      JournalEventType(rawValue: row.event).map { TaskTransition.Result(status: row.to, event: $0) }
    }
  }

  @Test("every move from every state is the table's, and no other exists", arguments: TaskMove.allCases)
  func everyMove(_ move: TaskMove) {
    for status in Self.statuses {
      #expect(
        TaskTransition.result(of: move, from: status) == expected(move, status),
        "\(move) from \(String(describing: status))")
    }
  }

  @Test("after an acknowledged cancel every way out of running ends cancelled", arguments: TaskMove.allCases)
  func cancelRequested(_ move: TaskMove) {
    let cancelled = TaskTransition.Result(status: .cancelled, event: .taskCancelled)
    for status in Self.statuses {
      let result = TaskTransition.result(of: move, from: status, cancelRequested: true)
      let plain = expected(move, status)
      if status == .running {
        #expect(result == plain.map { _ in cancelled }, "\(move) from running")
      } else {
        #expect(result == plain, "\(move) from \(String(describing: status))")
      }
    }
  }

  @Test("the table has every move once and fifteen pairs in all")
  func complete() {
    #expect(Set(Self.table.map(\.move)) == Set(TaskMove.allCases))
    #expect(Self.table.map(\.from.count).reduce(0, +) == 16)
    #expect(Set(Self.table.map(\.to)) == Set(TaskStatus.allCases))
  }

  @Test("completed is the one state that nothing leads out of")
  func final() {
    for status in TaskStatus.allCases {
      let leads = TaskMove.allCases.contains { TaskTransition.result(of: $0, from: status) != nil }
      #expect(leads == (status != .completed))
    }
    #expect(TaskStatus.allCases.filter(\.isTerminal) == [.completed, .failed, .cancelled])
  }
}
