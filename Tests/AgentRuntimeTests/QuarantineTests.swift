import AgentConfig
import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Testing

/// Tasks that keep killing the process.
@Suite("Crashes", .timeLimit(.minutes(4))) struct QuarantineTests {
  /// Two tasks whose tool hangs, and `deaths` lives of the process that they were running in.
  private static func dyingTasks(
    _ count: Int, deaths: Int, in folder: TemporaryFolder, clock: ManualClock
  ) async throws -> [TaskID] {
    var ids: [TaskID] = []
    for death in 0..<deaths {
      // From the third death on only one of the tasks runs at a time, so each gets a life of its own.
      let probe = ProbeTool("probe", effect: .pure, [.hang])
      let rig = try await rig(in: folder, clock: clock, probe)
      let known = ids
      if death == 0 { for _ in 0..<count { ids.append(try await rig.submit("coder")) } }
      let all = death == 0 ? ids : known
      try await rig.runAndAbandon { rig in
        for id in all { _ = try await rig.event(.stepStarted, of: id, step: 2, count: death + 1) }
      }
    }
    return ids
  }

  private static func rig(
    in folder: TemporaryFolder, clock: ManualClock, _ probe: ProbeTool
  ) async throws -> EngineRig {
    try await EngineRig(
      in: folder, agents: [EngineTests.agent(tools: ["probe"])],
      script: .turns([.call("probe"), .call("probe"), .text("ok")]), tools: [probe], clock: clock)
  }

  @Test("at three deaths tasks run one at a time beside the others; the place is free at the next finished step")
  func quarantine() async throws {
    let (folder, clock) = (try TemporaryFolder(), ManualClock())
    let ids = try await Self.dyingTasks(2, deaths: 3, in: folder, clock: clock)
    let probe = ProbeTool("probe", effect: .pure, [.hang])
    let rig = try await Self.rig(in: folder, clock: clock, probe)
    try await rig.run { rig in
      _ = try await rig.event(.stepStarted, of: ids[0], step: 2, count: 4)
      let beside = try await rig.submit("coder")
      _ = try await rig.event(.stepStarted, of: beside, step: 2)
      #expect(try await rig.tasks.task(ids[1]).status == .pending)
      for id in ids + [beside] { _ = try await rig.tasks.cancel(id, by: .local) }
      for id in ids + [beside] { #expect(try await rig.ended(id).status == .cancelled) }
    }
  }

  @Test("a task that finishes a step gives the lane's place to the next one and runs on")
  func placeIsFreed() async throws {
    let (folder, clock) = (try TemporaryFolder(), ManualClock())
    let ids = try await Self.dyingTasks(2, deaths: 3, in: folder, clock: clock)
    // The first one's open step ends, its next one hangs; then the second one must get to run.
    let probe = ProbeTool("probe", effect: .pure, [.answer("x"), .hang])
    let rig = try await Self.rig(in: folder, clock: clock, probe)
    try await rig.run { rig in
      _ = try await rig.event(.stepStarted, of: ids[0], step: 4)
      _ = try await rig.event(.stepStarted, of: ids[1], step: 2, count: 4)
      #expect(try await rig.tasks.task(ids[0]).status == .running)
      for id in ids { _ = try await rig.tasks.cancel(id, by: .local) }
    }
  }

  @Test("at five deaths a task fails, and a retry that is asked for lets it run like any other")
  func crashedRepeatedly() async throws {
    let (folder, clock) = (try TemporaryFolder(), ManualClock())
    let ids = try await Self.dyingTasks(1, deaths: 5, in: folder, clock: clock)
    let rig = try await Self.rig(in: folder, clock: clock, ProbeTool("probe", effect: .pure, [.answer("x")]))
    #expect(rig.recovery.failed == 1)
    try await rig.run { rig in
      let failed = try await rig.tasks.task(ids[0])
      #expect(failed.error?.code == "crashed_repeatedly" && failed.attempt == 1)
      _ = try await rig.tasks.retry(ids[0], from: .lastStep, by: .local)
      #expect(try await rig.ended(ids[0]).status == .completed)
    }
  }
}
