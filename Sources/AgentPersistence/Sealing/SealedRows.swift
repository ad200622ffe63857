import AgentCore
import Synchronization

/// What a process knows of the rows that are stored: by which list all of them are sealed, and which of their values it
/// has told that they do not open.
final class SealedRows: Sendable {
  private struct State {
    var sealedBy: SensitiveFields?
    var told: Set<String> = []
  }
  private let state = Mutex(State())

  /// The list that no row falls short of; nil while a pass is due that looks at every row.
  var sealedBy: SensitiveFields? { state.withLock { $0.sealedBy } }

  /// A pass has brought all rows to this list, or there are none yet.
  func noteAllSealed(by fields: SensitiveFields) { state.withLock { $0.sealedBy = fields } }

  /// Of the list, only names of `fields` count from here on: rows may be written that the others are not sealed in.
  func narrow(to fields: SensitiveFields) { state.withLock { $0.sealedBy = $0.sealedBy?.narrowed(to: fields) } }

  /// True once for each value, however often it is met.
  func isNews(_ error: StoreError) -> Bool {
    state.withLock { state in
      guard state.told.count < Self.toldValues else { return false }
      return state.told.insert(error.detail).inserted
    }
  }

  /// Past so many damaged values another line tells nothing new.
  private static let toldValues = 1000
}

extension StoreSealing {
  /// What is to be hidden by readers. To be asked before the snapshot that is read: then a row that the pass came to in
  /// between is gone over in vain, and none is shown in clear.
  var mask: RowMask {
    // In this order: the list is narrowed here before its lapse is forgotten there.
    let (fields, lapsed) = (policy.fields, policy.lapsed)
    guard lapsed?.covers(fields) ?? true, rows.sealedBy?.covers(fields) ?? false else { return RowMask(fields: fields) }
    return .none
  }

  /// Takes in, at a start, what the database says of its rows: `goal` is of the last pass, `holdsClear`: it has left
  /// values in clear.
  func noteStart(_ goal: SealingGoal?, isEmpty: Bool, holdsClear: Bool) {
    // The list may have become shorter while no process ran.
    if let goal { policy.lapse(from: goal.fields) }
    if isEmpty { return rows.noteAllSealed(by: policy.fields) }
    guard let goal, goal.isFinished || !goal.readsAll, !holdsClear else { return }
    rows.noteAllSealed(by: goal.fields.narrowed(to: policy.fields))
  }
}

extension SensitiveFields {
  /// Those of its names that `other` has too.
  func narrowed(to other: SensitiveFields) -> SensitiveFields { SensitiveFields(names.filter(other.contains)) }
}
