import AgentCore
import AgentTestKit
import Foundation

/// What a job leaves behind: its output, and every file of its workspace.
struct CrashOutcome: Equatable, Sendable {
  var output: JSONValue
  var files: [String: Data]

  init(task: JSONValue, workspace: String) {
    output = task["output"] ?? .null
    files = [:]
    for name in FileManager.default.enumerator(atPath: workspace)?.compactMap({ $0 as? String }) ?? [] {
      if let bytes = FileManager.default.contents(atPath: workspace + "/" + name) { files[name] = bytes }
    }
  }

  /// One job of each kind in a life that nothing disturbs.
  static func undisturbed() async throws -> [CrashJob.Kind: CrashOutcome] {
    let folder = try TemporaryFolder("undisturbed")
    let recorder = try EffectRecorder(in: folder)
    let jobs = CrashJob.Kind.allCases.enumerated().map { CrashJob(number: $0 + 1, kind: $1) }
    let service = try await ServiceProcess.serve(
      in: folder, files: CrashConfiguration.files(jobs: jobs, port: recorder.port))
    let ledger = CrashLedger()
    let client = CrashClient(service: service, ledger: ledger, random: SeededRandom(seed: 1))
    for job in jobs { try await client.ask(job) }
    var outcomes: [CrashJob.Kind: CrashOutcome] = [:]
    for job in jobs {
      let id = ledger.now.ids[job.number] ?? ""
      var task: JSONValue = .null
      // A request that the recorder left without an answer waits for a person here as well; the rounds are bounded.
      for _ in 0..<60 where task["status"] != "completed" {
        task = try await service.send("GET", "/api/tasks/\(id)?wait=2s").json
        if task["status"] == "waiting" { try await client.resolveDoubts(recorder) }
      }
      guard task["status"] == "completed" else { throw ServiceProcess.NotReady(description: task.text) }
      outcomes[job.kind] = CrashOutcome(task: task, workspace: "\(service.data)/workspaces/\(id)")
    }
    service.signal(SIGTERM)
    await service.exit()
    return outcomes
  }
}
