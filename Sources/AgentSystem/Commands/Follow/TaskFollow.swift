import AgentCore

/// Follows a task to its end, or until Ctrl-C lets go of it.
struct TaskFollow: Sendable {
  private enum Outcome: Sendable {
    case over
    case failed(ClientError)
    case detached
    /// Nobody can interrupt any more; the reader goes on.
    case noMoreInterrupts
  }
  private enum Hand: Sendable {
    case interrupt
    case answer(String?)
  }

  private let session: ClientSession
  private let task: String
  private let view: FollowView
  private let gate = FollowGate()

  init(session: ClientSession, task: String) {
    (self.session, self.task) = (session, task)
    view = FollowView(console: session.console, isJSON: session.isJSON)
  }

  /// Done for a completed task; failed for a failed or cancelled one, and for one that was let go of: a script must
  /// not take it for completed.
  func run() async throws(ClientError) -> ProcessExit {
    let outcome = await withTaskGroup(of: Outcome.self) { group in
      group.addTask { await read() }
      group.addTask { await watchInterrupts() }
      var outcome = Outcome.noMoreInterrupts
      for await next in group {
        if case .noMoreInterrupts = next { continue }
        outcome = next
        break
      }
      group.cancelAll()
      return outcome
    }
    switch outcome {
    case .over, .noMoreInterrupts: return try await finish()
    case .failed(let error):
      try view.pause()
      session.console.warn("\(task) goes on at the server; look with: agent-system task show \(task)")
      throw error
    case .detached:
      try view.pause()
      session.console.warn("let go of \(task), which goes on; look with: agent-system task show \(task)")
      return .failed
    }
  }

  private func read() async -> Outcome {
    let follower = EventFollower(
      client: session.api, clock: session.clock, random: session.random, path: "/api/tasks/\(task)/events")
    do throws(ClientError) {
      try await follower.follow(isKnownToAnswer: true) { (event) throws(ClientError) in
        if await gate.pass() { try view.show(event) }
      }
      return .over
    } catch {
      return .failed(error)
    }
  }

  private func finish() async throws(ClientError) -> ProcessExit {
    let answer = try await session.api.call(APIRequest(.get, "/api/tasks/\(task)"))
    try view.finish(answer.json)
    return answer.json["status"] == "completed" ? .done : .failed
  }

  /// Ctrl-C: a question on a terminal, else letting go; once more: letting go at once.
  private func watchInterrupts() async -> Outcome {
    await withTaskGroup(of: Void.self) { group in
      let (hands, continuation) = AsyncStream.makeStream(of: Hand.self, bufferingPolicy: .bufferingNewest(4))
      group.addTask {
        for await _ in session.input.interrupts() { continuation.yield(.interrupt) }
        continuation.finish()
      }
      var isAsking = false
      var outcome = Outcome.noMoreInterrupts
      reading: for await hand in hands {
        switch hand {
        case .interrupt:
          guard !isAsking, canAsk, ask() else {
            if isAsking { session.console.warn("") }
            outcome = .detached
            break reading
          }
          isAsking = true
          group.addTask { continuation.yield(.answer(await session.input.typedLine())) }
        case .answer(let answer):
          isAsking = false
          guard await goOn(after: answer) else {
            outcome = .detached
            break reading
          }
          gate.open()
        }
      }
      // A question that nobody will answer must not hold the reader; after letting go it has nothing to show.
      if case .detached = outcome { gate.end() } else { gate.open() }
      group.cancelAll()
      return outcome
    }
  }

  private var canAsk: Bool { session.console.isTerminal && session.console.isInputTerminal && !session.isJSON }

  /// False when the question cannot be written.
  private func ask() -> Bool {
    gate.close()
    do throws(ClientError) {
      try view.pause()
      try session.console.show("\n\(task) is running: d = detach, c = cancel, anything else = go on: ")
      return true
    } catch {
      return false
    }
  }

  /// False to let go. The end of the input counts as that: nobody is there to answer.
  private func goOn(after answer: String?) async -> Bool {
    guard let answer else { return false }
    switch answer.prefix(1).lowercased() {
    case "d": return false
    case "c":
      do throws(ClientError) {
        _ = try await session.api.call(APIRequest(.delete, "/api/tasks/\(task)"))
      } catch {
        // It may be over already; the stream tells.
        session.console.warn("agent-system: " + TerminalText.block(error.sentence))
      }
      return true
    default: return true
    }
  }
}
