import Foundation

/// The long form of those proofs that are worth hours: `make drill`.
package enum Drill {
  /// `AGENT_SYSTEM_DRILL=1` makes them long.
  package static let isOn = ProcessInfo.processInfo.environment["AGENT_SYSTEM_DRILL"] == "1"

  /// What random proofs begin with, and print; `AGENT_SYSTEM_SEED` repeats one.
  package static let seed =
    ProcessInfo.processInfo.environment["AGENT_SYSTEM_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)
}
