/// A named place between an effect and its record, where the crash test kills the process.
///
/// The name is `cell.moment`: cells and moments are those of docs/ARCHITECTURE.md, "Fault points".
package struct FaultPoint: Hashable, Sendable, CustomStringConvertible {
  package enum Cell: String, Sendable, CaseIterable {
    case modelCall = "model_call"
    case pure, idempotent, once, wait, retry
    case create, claim, cancel, restart
  }
  package enum Moment: String, Sendable, CaseIterable {
    case beforeCommit = "before_commit"
    /// After the commit and before the effect; for create, claim, cancel and restart: before the answer.
    case afterCommit = "after_commit"
    /// After the effect and before its result is recorded.
    case afterEffect = "after_effect"
  }
  package var cell: Cell
  package var moment: Moment
  package init(_ cell: Cell, _ moment: Moment) { (self.cell, self.moment) = (cell, moment) }
  package var description: String { "\(cell.rawValue).\(moment.rawValue)" }
}

/// Told of each fault point that is passed. The release binary's does nothing.
package protocol FaultInjector: Sendable {
  func reached(_ point: FaultPoint)
  #if DEBUG
  /// The mistake to make, if any.
  var bug: DeliberateBug? { get }
  #endif
}

#if DEBUG
extension FaultInjector {
  package var bug: DeliberateBug? { nil }
}
#endif

package struct NoFaults: FaultInjector {
  package init() {}
  package func reached(_ point: FaultPoint) {}
}
