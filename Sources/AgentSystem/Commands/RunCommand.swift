import AgentCore
import ArgumentParser

/// `agent-system run "…"`: creates a task and follows it.
struct RunCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Ask an agent to do something, and follow it.",
    discussion: """
      Exits 0 when the task completed, 1 when it failed or was cancelled. Ctrl-C asks on a terminal whether to detach, \
      to cancel or to go on; in a pipe it detaches.

      With --json each event is one line, {"data":{…},"event":NAME,"id":NUMBER}, and the task is the last line.
      """)

  @Argument(help: "What to do; - or nothing: read it from standard input.")
  var prompt: String?
  @Option(help: ArgumentHelp("Who does it.", valueName: "name"))
  var agent = "coder"
  @Option(
    help: ArgumentHelp(
      "Work in this folder, which the server must allow, instead of a workspace of its own.", valueName: "dir"))
  var folder: String?
  @Option(help: ArgumentHelp("Give the task a copy of this file; may be given more than once.", valueName: "path"))
  var file: [String] = []
  @Option(help: ArgumentHelp("May be given more than once.", valueName: "name:value"))
  var label: [String] = []
  @Option(help: "0 to 9; 9 goes first.")
  var priority: Int?
  @Option(help: ArgumentHelp("How long it may work, as in 90s, 15m or 2h.", valueName: "duration"))
  var timeout: String?
  @Flag(help: "Do not follow; print the task's id.")
  var detach = false
  @Option(help: ArgumentHelp("The same key gives the same task again for 24 hours.", valueName: "key"))
  var idempotencyKey: String?
  @OptionGroup var client: ClientOptions

  private static let timeouts = 1...Int64(604_800)
  private static let maximumKeyBytes = 255

  func validate() throws {
    if let priority, !(0...9).contains(priority) { throw ValidationError("--priority is 0 to 9.") }
    if timeout != nil, timeoutSeconds == nil {
      throw ValidationError("--timeout is 1s to 168h, as in 90s, 15m, 2h or a number of seconds.")
    }
    if folder != nil, !file.isEmpty { throw ValidationError("A task in a --folder is given no --file: put it there.") }
    for label in label {
      let parts = label.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count != 2 || parts[0].isEmpty { throw ValidationError("--label is NAME:VALUE, not '\(label)'.") }
    }
    if let idempotencyKey,
      idempotencyKey.isEmpty || idempotencyKey.utf8.count > Self.maximumKeyBytes
        || !idempotencyKey.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    {
      throw ValidationError("--idempotency-key is 1 to \(Self.maximumKeyBytes) printable ASCII characters.")
    }
  }

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let order = TaskOrder(
      agent: agent, prompt: try readPrompt(session), folder: folder, files: file, labels: label, priority: priority,
      timeoutSeconds: timeoutSeconds)
    let task = try await order.submit(session, key: idempotencyKey)
    guard let id = task["id"]?.stringValue.flatMap({ TaskID($0) }) else {
      throw .badAnswer(server: "\(session.api.address)", detail: "its new task has no id")
    }
    if detach {
      if try !session.showJSON(task) { try session.console.showLine("\(id)") }
      return .done
    }
    if !session.isJSON {
      try session.console.showLine("\(id)  \(session.console.paint(.dim, TerminalText.line(agent)))")
    }
    return try await TaskFollow(session: session, task: "\(id)").run()
  }

  /// Whole seconds, rounded up; nil for what is no duration or out of range.
  private var timeoutSeconds: Int64? {
    guard let duration = timeout.flatMap(Quantity.duration) else { return nil }
    let seconds = (duration.wholeMilliseconds + 999) / 1000
    return Self.timeouts.contains(seconds) ? seconds : nil
  }

  private func readPrompt(_ session: ClientSession) throws(ClientError) -> String {
    if let prompt, prompt != "-" {
      guard !prompt.isEmpty else { throw .usage("the prompt is empty") }
      return prompt
    }
    guard prompt == "-" || !session.console.isInputTerminal else {
      throw .usage("what is to be done? agent-system run \"…\", or - to type it")
    }
    guard let text = String(validating: try session.input.standardInput(TaskOrder.maximumPromptBytes), as: UTF8.self)
    else { throw .usage("standard input is not UTF-8") }
    let trimmed = text.hasSuffix("\n") ? String(text.dropLast()) : text
    guard !trimmed.isEmpty else { throw .usage("standard input has no prompt") }
    return trimmed
  }
}
