import AgentCore
import AgentTestKit
import Foundation
import Testing

/// How the crash test runs: its seed is printed.
enum CrashRun {
  /// A folder takes 20 random kills, or one in each cell: a database that grows makes each look longer.
  static let rounds = Drill.isOn ? 10 : 1
  /// Lives for one kill that counts; more are a rig that does not reach its point.
  private static let livesPerKill = 4

  /// Kills a rig so, once each, and lets it finish.
  static func kill(_ rig: CrashRig, _ kills: [CrashRig.Kill], name: String) async throws {
    for kill in kills {
      print("crash test: \(name): life \(rig.lives + 1) for \(kill)")
      var tries = 0
      while try await !rig.life(endedBy: kill), tries < livesPerKill, rig.complaints.isEmpty { tries += 1 }
      if !rig.complaints.isEmpty { break }
    }
    if rig.complaints.isEmpty { try await rig.finish() }
    let counted = rig.kills.values.reduce(0, +)
    print("crash test: \(name): \(counted) kills counted of \(rig.lives) lives, seed \(rig.seed)")
    let wanted = Dictionary(kills.map { ($0, 1) }, uniquingKeysWith: +)
    for (kill, count) in wanted { #expect(rig.kills[kill, default: 0] >= count, "short: \(kill), seed \(rig.seed)") }
    #expect(rig.complaints == [], "seed \(rig.seed)")
  }
}
