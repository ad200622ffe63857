import AgentConfig
import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Synchronization
import Testing

/// What defines the engine: wherever a life of the process ends, the next one comes to the same result, and no step
/// that was finished runs again.
@Suite("Abandoned after any commit", .timeLimit(.minutes(4))) struct AbandonmentTests {
  @Test("the next start gives the same result, and no finished step runs twice", arguments: [UInt64](1...5))
  func anywhere(seed: UInt64) async throws {
    let random = SeededRandom(seed: seed)
    let story = AgentStory(random)
    let undisturbed = try await story.undisturbed()
    #expect(undisturbed.task.status == .completed)
    for commit in 1...undisturbed.commits {
      let world = StoryWorld()
      let folder = try TemporaryFolder()
      let clock = ManualClock()
      let patience = Int(random.next() % 40)
      let id = try await story.die(afterCommit: commit, patience: patience, in: folder, clock, world)
      let before = world.effects
      let rig = try await story.rig(in: folder, clock, world)
      let known = try await rig.tasks.steps(of: id).filter { $0.status == .finished }
      let task = try await rig.run { rig in try await story.settle(id, rig) }
      let steps = try await story.steps(of: id, in: folder, clock)
      let place = Comment(rawValue: "seed \(seed), abandoned after commit \(commit)")
      #expect(task.status == .completed && task.output == undisturbed.task.output && task.attempt == 1, place)
      #expect(steps.map(\.number) == Array(1...steps.count), place)
      #expect(steps.map(\.output) == undisturbed.steps.map(\.output), place)
      for step in known {
        #expect(world.effects[step.number] == before[step.number], place)
        #expect(steps[step.number - 1] == step, place)
      }
      for step in steps where step.effect == .once { #expect(world.effects[step.number] ?? 0 <= 1, place) }
    }
  }
}

/// What outlives the process: how often each step's effect happened.
final class StoryWorld: Sendable {
  private let counts = Mutex<[Int: Int]>([:])
  var effects: [Int: Int] { counts.withLock { $0 } }
  func happened(_ step: Int) { counts.withLock { $0[step, default: 0] += 1 } }
}

/// A random script: turns with tool calls of every class, now and then a provider that fails once.
struct AgentStory: Sendable {
  private let script: SandboxScript
  /// Of the clock, for each look: real files are written meanwhile, whose time is not to run out on a busy machine.
  private static let pace = Duration.milliseconds(50)
  private static let classes: [(name: String, effect: EffectClass)] = [
    ("look", .pure), ("put", .idempotent), ("send", .once),
  ]

  init(_ random: SeededRandom) {
    var rules: [SandboxScript.Rule] = []
    let turns = 1 + Int(random.next() % 3)
    for turn in 1...turns {
      if random.next() % 4 == 0 {
        let busy = ProviderError(.providerError, "busy", status: 503)
        rules.append(.init(turn: turn, times: 1, reply: .error(busy)))
      }
      let calls = (0...Int(random.next() % 3)).map { index -> SandboxScript.Call in
        let choice = Int(random.next() % 4)
        guard choice < Self.classes.count else {
          return .init(
            name: "file.write", arguments: ["path": .string("f\(turn)-\(index)"), "text": .string("text \(turn)")])
        }
        return .init(name: Self.classes[choice].name, arguments: ["n": JSONValue(index)])
      }
      rules.append(.init(turn: turn, reply: .init(outcome: .answer(text: "", calls: calls, finish: nil, usage: nil))))
    }
    rules.append(.init(turn: turns + 1, reply: .text("the end")))
    script = SandboxScript(rules: rules)
  }

  func rig(
    in folder: TemporaryFolder, _ clock: ManualClock, _ world: StoryWorld,
    onCommit: @escaping @Sendable (CommitNotice) -> Void = { _ in }
  ) async throws -> EngineRig {
    let tools = Self.classes.map { StoryTool($0.name, effect: $0.effect, world: world) }
    return try await EngineRig(
      in: folder, agents: [EngineTests.agent(tools: tools.map(\.descriptor.name) + ["file.write"])], script: script,
      tools: tools, clock: clock, onCommit: onCommit)
  }

  func undisturbed() async throws -> (task: AgentTask, steps: [Step], commits: Int) {
    let (folder, clock) = (try TemporaryFolder(), ManualClock())
    let counted = CommitCount()
    let rig = try await rig(in: folder, clock, StoryWorld()) { counted.note($0) }
    return try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.timeoutSeconds = 604_800 }
      let task = try await settle(id, rig)
      return (task, try await rig.tasks.steps(of: id), counted.count)
    }
  }

  /// A life that ends after the n-th commit of its task: from then on nothing reaches the disk, while the worker may
  /// still do what it was about to.
  func die(
    afterCommit number: Int, patience: Int, in folder: TemporaryFolder, _ clock: ManualClock, _ world: StoryWorld
  ) async throws -> TaskID {
    let counted = CommitCount(limit: number)
    let rig = try await rig(in: folder, clock, world) { counted.note($0) }
    counted.onLimit { rig.commitFault.set(CommitFault.ioError) }
    let box = Box<TaskID>()
    try await rig.runAndAbandon { rig in
      let id = try await rig.submit("coder") { $0.timeoutSeconds = 604_800 }
      box.set(id)
      try await rig.advance(
        by: Self.pace,
        until: {
          _ = try await rig.store.task(id)
          return counted.isReached
        })
      for _ in 0..<patience { await Task.yield() }
    }
    return try #require(box.value)
  }

  /// Goes on to the end; a person settles what is in doubt as the world has it.
  func settle(_ id: TaskID, _ rig: EngineRig) async throws -> AgentTask {
    while true {
      try await rig.advance(
        by: Self.pace,
        until: {
          let task = try await rig.tasks.task(id)
          return task.status.isTerminal || task.waiting?.reason == .stepInDoubt
        })
      let task = try await rig.tasks.task(id)
      guard task.status == .waiting, let step = task.waiting?.step else { return task }
      let output: JSONValue = ["text": .string(StoryTool.answer(step))]
      _ = try await rig.tasks.resolve(id, step: step, as: .finished(output: output), by: .local)
    }
  }

  func steps(of id: TaskID, in folder: TemporaryFolder, _ clock: ManualClock) async throws -> [Step] {
    let rig = try await rig(in: folder, clock, StoryWorld())
    let steps = try await rig.tasks.steps(of: id)
    await rig.file.close()
    return steps
  }
}

/// Counts the commits that touch a task.
final class CommitCount: Sendable {
  private struct State {
    var count = 0
    var action: (@Sendable () -> Void)?
  }
  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int = .max) { self.limit = limit }

  var count: Int { state.withLock { $0.count } }
  var isReached: Bool { count >= limit }

  func onLimit(_ action: @escaping @Sendable () -> Void) { state.withLock { $0.action = action } }

  func note(_ notice: CommitNotice) {
    guard !notice.tasks.isEmpty else { return }
    let action = state.withLock { state in
      state.count += 1
      return state.count == limit ? state.action : nil
    }
    action?()
  }
}

/// Something that a test's closure leaves for later.
final class Box<Value: Sendable>: Sendable {
  private let content = Mutex<Value?>(nil)
  var value: Value? { content.withLock { $0 } }
  func set(_ value: Value) { content.withLock { $0 = value } }
}

/// A tool whose effects the world remembers. What it answers follows from the step alone.
struct StoryTool: AgentTool {
  let descriptor: ToolDescriptor
  private let effect: EffectClass
  private let world: StoryWorld

  init(_ name: String, effect: EffectClass, world: StoryWorld) {
    descriptor = ToolDescriptor(name: name, description: "", parameters: ["type": "object"])
    (self.effect, self.world) = (effect, world)
  }

  static func answer(_ step: Int) -> String { "did step \(step)" }

  func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan {
    ToolPlan(effect: effect)
  }

  func perform(
    _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
  ) async throws(ToolError) -> ToolOutcome {
    if Task.isCancelled { throw ToolError("cancelled", "cut") }
    world.happened(context.step)
    return ToolOutcome(text: Self.answer(context.step))
  }

  /// An idempotent one looks at the world.
  func recall(_ arguments: JSONValue, plan: ToolPlan, in context: ToolContext) async -> ToolRecall {
    world.effects[context.step] == nil ? .notDone : .done(ToolOutcome(text: Self.answer(context.step)))
  }
}
