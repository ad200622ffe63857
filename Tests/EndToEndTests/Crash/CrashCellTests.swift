import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Kills at chosen points of the real binary, and bugs built into it. A suite of its own: beside `CrashTests` the two
/// take little longer than one.
@Suite(.serialized) struct CrashCellTests {
  static let cells: [FaultPoint] =
    [.modelCall, .pure, .idempotent, .once, .wait, .retry].flatMap { cell in
      [.beforeCommit, .afterCommit, .afterEffect].map { FaultPoint(cell, $0) }
    }
    + [.create, .claim, .cancel, .restart].flatMap { cell in
      [.beforeCommit, .afterCommit].map { FaultPoint(cell, $0) }
    }

  @Test(
    "killed between an effect and its record, in every cell, it goes on as if nothing had been",
    arguments: 0..<CrashRun.rounds)
  func everyCell(round: Int) async throws {
    #expect(Self.cells.count == 26)
    let rig = try CrashRig(seed: Drill.seed &+ UInt64(round), undisturbed: try await CrashOutcome.undisturbed())
    try await CrashRun.kill(rig, Self.cells.map { .at($0) }, name: "cells")
  }

  /// Kills until the rig complains; this many without a complaint and the bug went unseen.
  private static let killsPerBug = 6

  @Test("a bug in what each of I1 to I8 promises makes the crash test fail")
  func deliberateBugs() async throws {
    let undisturbed = try await CrashOutcome.undisturbed()
    for bug in DeliberateBug.allCases {
      let rig = try CrashRig(
        seed: Drill.seed, undisturbed: undisturbed, environment: ["AGENT_SYSTEM_BUG": bug.rawValue])
      let kill: CrashRig.Kill =
        switch bug {
        case .repeatsOnce: .at(FaultPoint(.once, .afterEffect))
        case .revivesEnded: .at(FaultPoint(.cancel, .afterCommit))
        default: .random
        }
      for _ in 0..<Self.killsPerBug where rig.complaints.isEmpty { try await rig.life(endedBy: kill) }
      // A result that differs shows when its task ends.
      if rig.complaints.isEmpty { try await rig.finish() }
      let found = rig.complaints.contains { $0.contains("\(bug.rawValue):") }
      print("crash test: bug \(bug.rawValue) after \(rig.lives) lives: \(rig.complaints.first ?? "not found")")
      #expect(found, "\(bug) went unseen, seed \(Drill.seed): \(rig.complaints.prefix(3))")
    }
  }
}
