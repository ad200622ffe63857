import AgentCore
import AgentRuntime
import AgentTestKit
import Synchronization

/// A tool whose plan, doing and recall a test steers one by one. The last behaviour of each is for every later call too.
final class SteeredTool: AgentTool {
  enum Plan: Sendable { case ready, hang }
  enum Doing: Sendable {
    case answer(String)
    case fail(ToolError)
    /// Until it is cancelled; then with this error.
    case hang(ToolError = ToolError("cancelled", "cut"))
  }
  enum Recall: Sendable {
    case answer(ToolRecall)
    /// Until it is cancelled; then as one that could not look.
    case hang
  }
  private struct State {
    var plans: [Plan]
    var doings: [Doing]
    var recalls: [Recall]
    var counts = Counts()
  }
  struct Counts: Equatable {
    var plans = 0
    var doings = 0
    var recalls = 0
  }
  let descriptor = ToolDescriptor(name: "steered", description: "", parameters: ["type": "object"])
  private let effect: EffectClass
  private let state: Mutex<State>
  private let planning = Wakeup()
  private let doing = Wakeup()
  private let recalling = Wakeup()

  init(
    _ effect: EffectClass, plans: [Plan] = [.ready], doings: [Doing] = [.answer("x")],
    recalls: [Recall] = [.answer(.notDone)]
  ) {
    self.effect = effect
    state = Mutex(State(plans: plans, doings: doings, recalls: recalls))
  }

  var counts: Counts { state.withLock { $0.counts } }

  /// Each returns when a call of that kind has begun that no earlier return told of.
  func planBegun() async { await planning.wait() }
  func begun() async { await doing.wait() }
  func recallBegun() async { await recalling.wait() }

  private static func next<Value>(_ list: inout [Value]) -> Value { list.count > 1 ? list.removeFirst() : list[0] }

  func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan {
    let next = state.withLock { state in
      state.counts.plans += 1
      return Self.next(&state.plans)
    }
    planning.wake()
    if case .hang = next {
      await Wakeup().wait()
      throw ToolError("cancelled", "the plan was cut")
    }
    return ToolPlan(effect: effect, evidence: ["before": "a"])
  }

  func perform(
    _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
  ) async throws(ToolError) -> ToolOutcome {
    let next = state.withLock { state in
      state.counts.doings += 1
      return Self.next(&state.doings)
    }
    doing.wake()
    switch next {
    case .answer(let text): return ToolOutcome(text: text)
    case .fail(let error): throw error
    case .hang(let error):
      await Wakeup().wait()
      throw error
    }
  }

  func recall(_ arguments: JSONValue, plan: ToolPlan, in context: ToolContext) async -> ToolRecall {
    let next = state.withLock { state in
      state.counts.recalls += 1
      return Self.next(&state.recalls)
    }
    recalling.wake()
    switch next {
    case .answer(let answer): return answer
    case .hang:
      await Wakeup().wait()
      return .inDoubt("the look was cut")
    }
  }
}

/// What ends a call in the middle.
enum ToolCut: CaseIterable { case cancel, deadline, agentRestart, shutdown, time }

extension SteeredTool {
  /// An engine whose model calls the tool once. The tool's time is short only where it is what cuts: restart and
  /// shutdown have a grace that must end first.
  func rig(
    in folder: TemporaryFolder? = nil, clock: ManualClock = ManualClock(), cutBy cut: ToolCut,
    lostAnswers: LostAnswers? = nil
  ) async throws -> EngineRig {
    try await EngineRig(
      in: folder ?? TemporaryFolder(), agents: [EngineTests.agent(tools: ["steered"])],
      script: .turns([.call("steered"), .text("ok")]), tools: [self], clock: clock,
      timeouts: StepTimeouts(toolCall: cut == .time ? .seconds(7) : .seconds(120)), lostAnswers: lostAnswers)
  }
}

extension EngineRig {
  /// Cuts what the task's worker has in hand. A task that a deadline is to cut has 5 seconds.
  func cut(_ id: TaskID, by cut: ToolCut) async throws {
    switch cut {
    case .cancel: _ = try await tasks.cancel(id, by: .local)
    // The clock does it, in the test's hand.
    case .deadline, .time: break
    case .agentRestart:
      let before = try await store.journal(of: id).count { $0.type == .taskRequeued }
      async let isDone: Void = engine.restart("coder")
      try await advance(until: { try await self.store.journal(of: id).count { $0.type == .taskRequeued } > before })
      await isDone
    case .shutdown: engine.drain()
    }
  }

  /// A task of `coder`, with a deadline that only a cut by it reaches.
  func begin(cutBy cut: ToolCut) async throws -> TaskID {
    try await submit("coder") { $0.timeoutSeconds = cut == .deadline ? 5 : 604_800 }
  }
}
