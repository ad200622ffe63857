import AgentCore
import AgentTestKit
import Foundation
import Testing

/// What sealing costs the jobs of the crash test: the same jobs, undisturbed and with a provider that does not think, by
/// turns under a list that names nothing and under the manual's. Printed, and no more than that: it is a measurement.
@Suite(.enabled(if: Drill.isOn && FileManager.default.isExecutableFile(atPath: CrashTests.releaseBinary.path)))
struct SealingCostTests {
  private static let jobs = 60
  private static let rounds = 7

  private enum Given: CaseIterable {
    /// The list names no member of theirs.
    case nothing
    /// The manual's list, and none of its names in what they are asked.
    case listed
    /// And two of its names.
    case sealed
  }

  private struct Cost {
    var wall: Double
    var processor: Double
  }

  /// Seconds until all jobs have ended, and of processor time that the service used for them.
  private static func life(_ given: Given) async throws -> Cost {
    let folder = try TemporaryFolder("sealing-cost")
    let recorder = try EffectRecorder(in: folder)
    // Not those that send requests: the recorder leaves some without an answer, and then a person is waited for.
    let all = (1...jobs).map { CrashJob(number: $0, kind: .files) }
    var files = CrashConfiguration.files(jobs: all, port: recorder.port)
    files["script.yaml"] = files["script.yaml"]?.replacing(#""350ms""#, with: #""1ms""#)
    if given == .nothing { files["encryption.yaml"] = "encryption: {sensitive_fields: [no_member_has_this_name]}\n" }
    let service = try await ServiceProcess.serve(in: folder, files: files, binary: CrashTests.releaseBinary)
    let (start, used) = (ContinuousClock.now, try service.processorSeconds())
    let tasks = all.map { job -> JSONValue in
      guard given == .sealed, var order = job.order.objectValue, let prompt = order["input"] else { return job.order }
      order["input"] = ["prompt": prompt, "api_key": .string("planted-\(job.number)-key"), "token": "planted-token"]
      return .object(order)
    }
    let ids = try await service.send("POST", "/api/tasks:batch", ["tasks": .array(tasks)]).json["data"]?.arrayValue
    for id in ids?.compactMap({ $0["id"]?.stringValue }) ?? [] {
      let task = try await service.ended(id)
      #expect(task["status"] == "completed", "\(task.text)")
    }
    let cost = Cost(
      wall: (ContinuousClock.now - start) / .seconds(1), processor: try service.processorSeconds() - used)
    #expect(ids?.count == jobs)
    service.signal(SIGTERM)
    await service.exit()
    return cost
  }

  private static func shown(_ ratios: [Double]) -> String {
    let sorted = ratios.map { String(format: "%.3f", $0) }.sorted()
    return "\(sorted[sorted.count / 2]) [\(sorted[0])–\(sorted[sorted.count - 1])]"
  }

  @Test("what sealing costs the crash test's jobs, by turns") func cost() async throws {
    var costs: [Given: [Cost]] = [:]
    for round in 0..<Self.rounds {
      let order = round % 2 == 0 ? Given.allCases : Given.allCases.reversed()
      for given in order { costs[given, default: []].append(try await Self.life(given)) }
    }
    let base = costs[.nothing] ?? []
    for (given, name) in [(Given.listed, "the manual's list"), (.sealed, "two members of it in each input")] {
      let pairs = zip(costs[given] ?? [], base)
      print(
        "drill: sealing: \(Self.jobs) jobs of the crash test under \(name), of those under a list that names nothing: "
          + "time \(Self.shown(pairs.map { $0.wall / $1.wall })), "
          + "processor \(Self.shown(pairs.map { $0.processor / $1.processor })), \(Self.rounds) rounds")
    }
  }
}
