import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Random kills of the real binary.
@Suite(.serialized) struct CrashTests {
  @Test(
    "whatever moment kills it, nothing acknowledged is lost and nothing is done twice", .shows(.killed),
    arguments: 0..<CrashRun.rounds)
  func randomKills(round: Int) async throws {
    let rig = try CrashRig(seed: Drill.seed &+ UInt64(round), undisturbed: try await CrashOutcome.undisturbed())
    try await CrashRun.kill(rig, Array(repeating: .random, count: 20), name: "random kills")
  }

  @Test(
    "over real providers' wire formats the same holds, and no call is paid for that no try stands for",
    .shows(.killed), arguments: 0..<(Drill.isOn ? 2 * CrashRun.rounds : 1))
  func providerKills(round: Int) async throws {
    let seed = Drill.seed &+ UInt64(round)
    let first = WireFormat.allCases[Int(seed % 2)]
    let rig = try CrashRig(
      seed: seed, undisturbed: try await CrashOutcome.undisturbed(), provider: try await .doubles(first: first))
    try await CrashRun.kill(
      rig, Array(repeating: .random, count: Drill.isOn ? 20 : 4), name: "random kills over \(first)")
  }

  /// Has no fault points, so it gets the random kills alone.
  static let releaseBinary = URL(fileURLWithPath: #filePath).appendingPathComponent(
    "../../../../.build/release/agent-system"
  ).standardized

  @Test(
    "the release binary stands random kills as well",
    .enabled(if: Drill.isOn && FileManager.default.isExecutableFile(atPath: releaseBinary.path)))
  func releaseKills() async throws {
    let rig = try CrashRig(
      seed: Drill.seed, undisturbed: try await CrashOutcome.undisturbed(), binary: Self.releaseBinary)
    try await CrashRun.kill(rig, Array(repeating: .random, count: 20), name: "random kills of the release binary")
  }
}
