import AgentConfig
import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Testing

/// An agent's restart that comes while the engine is in the middle of a claim.
@Suite("An agent's restart beside a claim", .timeLimit(.minutes(4))) struct RestartRaceTests {
  /// Where the claim stands still while the agent is restarted.
  enum Place: CaseIterable { case beforeItsCommit, afterItsCommit }

  /// Holds the first claim that gets there.
  private static func hooks(_ place: Place, isHeld: Wakeup, release: Wakeup) -> StoreHooks {
    let held = Box<Bool>()
    let hold: @Sendable () async -> Void = {
      guard held.value == nil else { return }
      held.set(true)
      isHeld.wake()
      await release.wait()
    }
    var hooks = StoreHooks()
    switch place {
    case .beforeItsCommit:
      hooks.beforeClaim = { request in
        await hold()
        return request
      }
    case .afterItsCommit: hooks.afterClaim = { if !$0.isEmpty { await hold() } }
    }
    return hooks
  }

  @Test("the task that is being claimed works by the newest definition alone", arguments: Place.allCases)
  func newestAlone(place: Place) async throws {
    let (isHeld, release) = (Wakeup(), Wakeup())
    let provider = ProbeProvider([.text("ok")])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent()], script: .turns([]), provider: provider,
      hooks: Self.hooks(place, isHeld: isHeld, release: release))
    var newer = EngineTests.agent()
    newer.instructions = "work better"
    rig.configured.set([newer])
    try await rig.run { rig in
      if place == .beforeItsCommit { await isHeld.wait() }
      let id = try await rig.submit("coder")
      if place == .afterItsCommit { await isHeld.wait() }
      let isDone = Box<Bool>()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          _ = try await rig.agents.restart("coder", by: .local)
          isDone.set(true)
        }
        // It is over, or it waits for the claim that is on its way: the only sleeper there can be.
        while isDone.value == nil, rig.clock.sleeperCount == 0, !Task.isCancelled { await Task.yield() }
        release.wake()
        try await group.waitForAll()
      }
      _ = try await rig.ended(id)
      #expect(provider.calls.compactMap(\.messages.first) == [.system("work better")])
    }
  }
}
