import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The crash test on the real binary. Its seed is printed; `AGENT_SYSTEM_SEED` repeats one, and `AGENT_SYSTEM_DRILL=1`
/// makes it long.
@Suite(.serialized) struct CrashTests {
  static let isDrill = ProcessInfo.processInfo.environment["AGENT_SYSTEM_DRILL"] == "1"
  static let seed =
    ProcessInfo.processInfo.environment["AGENT_SYSTEM_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)
  /// A folder takes 20 random kills, or one in each cell: a database that grows makes each look longer.
  static let rounds = isDrill ? 10 : 1
  /// Lives for one kill that counts; more are a rig that does not reach its point.
  static let livesPerKill = 4

  static let cells: [FaultPoint] =
    [.modelCall, .pure, .idempotent, .once, .wait, .retry].flatMap { cell in
      [.beforeCommit, .afterCommit, .afterEffect].map { FaultPoint(cell, $0) }
    }
    + [.create, .claim, .cancel, .restart].flatMap { cell in
      [.beforeCommit, .afterCommit].map { FaultPoint(cell, $0) }
    }

  @Test(
    "whatever moment kills it, nothing acknowledged is lost and nothing is done twice", .shows(.killed),
    arguments: 0..<rounds)
  func randomKills(round: Int) async throws {
    let rig = try CrashRig(seed: Self.seed &+ UInt64(round), undisturbed: try await CrashOutcome.undisturbed())
    try await Self.run(rig, Array(repeating: .random, count: 20), name: "random kills")
  }

  @Test(
    "killed between an effect and its record, in every cell, it goes on as if nothing had been", arguments: 0..<rounds)
  func everyCell(round: Int) async throws {
    #expect(Self.cells.count == 26)
    let rig = try CrashRig(seed: Self.seed &+ UInt64(round), undisturbed: try await CrashOutcome.undisturbed())
    try await Self.run(rig, Self.cells.map { .at($0) }, name: "cells")
  }

  @Test(
    "over real providers' wire formats the same holds, and no call is paid for that no try stands for",
    .shows(.killed), arguments: 0..<(isDrill ? 2 * rounds : 1))
  func providerKills(round: Int) async throws {
    let seed = Self.seed &+ UInt64(round)
    let first = WireFormat.allCases[Int(seed % 2)]
    let rig = try CrashRig(
      seed: seed, undisturbed: try await CrashOutcome.undisturbed(), provider: try await .doubles(first: first))
    try await Self.run(
      rig, Array(repeating: .random, count: Self.isDrill ? 20 : 4), name: "random kills over \(first)")
  }

  /// Has no fault points, so it gets the random kills alone.
  static let releaseBinary = URL(fileURLWithPath: #filePath).appendingPathComponent(
    "../../../../.build/release/agent-system"
  ).standardized

  @Test(
    "the release binary stands random kills as well",
    .enabled(if: isDrill && FileManager.default.isExecutableFile(atPath: releaseBinary.path)))
  func releaseKills() async throws {
    let rig = try CrashRig(
      seed: Self.seed, undisturbed: try await CrashOutcome.undisturbed(), binary: Self.releaseBinary)
    try await Self.run(rig, Array(repeating: .random, count: 20), name: "random kills of the release binary")
  }

  /// Kills until the rig complains; this many without a complaint and the bug went unseen.
  private static let killsPerBug = 6

  @Test("a bug in what each of I1 to I8 promises makes the crash test fail")
  func deliberateBugs() async throws {
    let undisturbed = try await CrashOutcome.undisturbed()
    for bug in DeliberateBug.allCases {
      let rig = try CrashRig(
        seed: Self.seed, undisturbed: undisturbed, environment: ["AGENT_SYSTEM_BUG": bug.rawValue])
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
      #expect(found, "\(bug) went unseen, seed \(Self.seed): \(rig.complaints.prefix(3))")
    }
  }

  private static func run(_ rig: CrashRig, _ kills: [CrashRig.Kill], name: String) async throws {
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
