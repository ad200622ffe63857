#if DEBUG
/// A mistake that a debug binary makes on purpose, to show that the crash test would find it: one for each of the
/// invariants I1 to I8 of docs/ARCHITECTURE.md. Named by `AGENT_SYSTEM_BUG`; no other binary has any of this.
package enum DeliberateBug: String, Sendable, CaseIterable {
  /// Some tasks are answered 201 and not committed.
  case answersWithoutCommit = "I1"
  /// Recovery writes results anew.
  case rewritesResults = "I2"
  /// Recovery leaves a step's number out.
  case skipsStepNumber = "I3"
  /// Recovery takes a `once` step for one that may be repeated.
  case repeatsOnce = "I4"
  /// Recovery sets ended tasks running.
  case revivesEnded = "I5"
  /// Recovery makes a move that is not in the table.
  case movesForbidden = "I6"
  /// There is no recovery.
  case skipsRecovery = "I7"
  /// A resumed task forgets what its finished tool calls gave.
  case dropsOutputs = "I8"
}
#endif
