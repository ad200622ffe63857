import AgentCore
import Dispatch
import Synchronization
import Testing

@testable import AgentSystem

@Suite("Ctrl-C while following")
struct InterruptTests {
  /// A keyboard whose Ctrl-C comes when the test says so.
  private final class Keyboard: Sendable {
    private let asked = DispatchSemaphore(value: 0)
    private let stream: AsyncStream<Void>
    private let interrupts: AsyncStream<Void>.Continuation
    private let answers: AsyncStream<String?>
    private let typed: AsyncStream<String?>.Continuation

    init() {
      (stream, interrupts) = AsyncStream.makeStream(of: Void.self)
      (answers, typed) = AsyncStream.makeStream(of: String?.self)
    }

    /// Returns when a question was asked and a line is waited for; false after ten seconds.
    func waitForQuestion() -> Bool { asked.wait(timeout: .now() + .seconds(10)) == .success }

    func interrupt() { interrupts.yield() }
    func type(_ answer: String?) { typed.yield(answer) }

    var input: ClientInput {
      .input(
        interrupts: { self.stream },
        typedLine: {
          self.asked.signal()
          for await answer in self.answers { return answer }
          return nil
        })
    }
  }

  /// A task that is over when it was cancelled, or from the given connection to its stream on.
  private final class SlowTask: Sendable {
    private struct State {
      var connections = 0
      var isCancelled = false
    }
    private let state = Mutex(State())
    private let overAt: Int
    private let connected: @Sendable (Int) -> Void

    /// `connected` is told the number of each connection to the stream of the running task, from 1.
    init(overAt: Int = .max, _ connected: @escaping @Sendable (Int) -> Void) {
      (self.overAt, self.connected) = (overAt, connected)
    }

    func reply(_ request: ScriptedRequest) -> ScriptedReply {
      switch (request.method, request.target) {
      case ("POST", _): return ScriptedReply(201, RecordedEvents.task("pending"))
      case ("DELETE", _):
        state.withLock { $0.isCancelled = true }
        return ScriptedReply(202, RecordedEvents.task("running"))
      case (_, "/api/tasks/task-7"):
        return ScriptedReply(RecordedEvents.task(state.withLock(\.isCancelled) ? "cancelled" : "completed"))
      default: return stream()
      }
    }

    /// Breaks off with a new number each time, so that the follower connects again and again.
    private func stream() -> ScriptedReply {
      let (connection, isCancelled) = state.withLock { state in
        state.connections += 1
        return (state.connections, state.isCancelled)
      }
      if isCancelled || connection >= overAt { return .events(RecordedEvents.end) }
      connected(connection)
      return .events("id: \(connection)\n\n")
    }
  }

  private func run(
    _ task: SlowTask, _ keyboard: Keyboard, isTerminal: Bool
  ) async throws -> (exit: ProcessExit, output: CapturedOutput, methods: [String]) {
    let server = try ScriptedServer { request, _ in task.reply(request) }
    defer { server.stop() }
    let fixture = try SessionFixture(server, isTerminal: isTerminal, input: keyboard.input)
    let exit = await fixture.run(try RunCommand.parse(["x"]))
    return (exit, fixture.output, server.requests.map(\.method))
  }

  @Test("in a pipe it lets go at once, names the task and exits 1, and the task is not cancelled")
  func pipe() async throws {
    let keyboard = Keyboard()
    let result = try await run(SlowTask { if $0 == 1 { keyboard.interrupt() } }, keyboard, isTerminal: false)
    #expect(result.exit == .failed)
    #expect(result.output.errors == "let go of task-7, which goes on; look with: agent-system task show task-7\n")
    #expect(!result.methods.contains("DELETE"))
  }

  @Test("on a terminal d, and the end of the input, let go", arguments: ["d\n", "D", nil])
  func detach(answer: String?) async throws {
    let keyboard = Keyboard()
    keyboard.type(answer)
    let result = try await run(SlowTask { if $0 == 1 { keyboard.interrupt() } }, keyboard, isTerminal: true)
    #expect(result.exit == .failed)
    #expect(result.output.text.contains("d = detach, c = cancel"))
    #expect(result.output.errors.contains("let go of task-7"))
    #expect(!result.methods.contains("DELETE"))
  }

  @Test("on a terminal c cancels the task and follows it to its end")
  func cancel() async throws {
    let keyboard = Keyboard()
    keyboard.type("c\n")
    let result = try await run(SlowTask { if $0 == 1 { keyboard.interrupt() } }, keyboard, isTerminal: true)
    #expect(result.exit == .failed)
    #expect(result.methods.filter { $0 == "DELETE" }.count == 1)
    #expect(result.output.lines.last?.hasPrefix("task-7 cancelled") == true)
    #expect(!result.output.errors.contains("let go"))
  }

  @Test("on a terminal any other answer goes on to the task's end")
  func goOn() async throws {
    let keyboard = Keyboard()
    let task = SlowTask(overAt: 4) { connection in
      if connection == 1 { keyboard.interrupt() }
      if connection == 2 { #expect(keyboard.waitForQuestion()) }
      if connection == 3 { keyboard.type("\n") }
    }
    let result = try await run(task, keyboard, isTerminal: true)
    #expect(result.exit == .done)
    #expect(result.output.text.contains("d = detach, c = cancel"))
    #expect(result.output.lines.last?.hasPrefix("task-7 completed") == true)
    #expect(!result.methods.contains("DELETE"))
  }

  @Test("a second Ctrl-C before the answer lets go")
  func twice() async throws {
    let keyboard = Keyboard()
    let result = try await run(SlowTask { if $0 <= 2 { keyboard.interrupt() } }, keyboard, isTerminal: true)
    #expect(result.exit == .failed)
    #expect(result.output.errors.contains("let go of task-7"))
    #expect(!result.methods.contains("DELETE"))
  }

  @Test("while a question stands nothing is shown, and after letting go nothing more")
  func gate() async {
    let gate = FollowGate()
    #expect(await gate.pass())
    gate.close()
    await withTaskGroup(of: Bool.self) { group in
      group.addTask { await gate.pass() }
      gate.open()
      #expect(await group.next() == true)
    }
    gate.close()
    await withTaskGroup(of: Bool.self) { group in
      group.addTask { await gate.pass() }
      gate.end()
      #expect(await group.next() == false)
    }
    gate.open()
    #expect(await gate.pass() == false)
  }
}
