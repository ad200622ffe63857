/// The steps of one task, put together from its journal rows in order. A value: replaying rows is all it does.
package struct StepHistory: Sendable, Hashable {
  /// Ascending by number, superseded ones included.
  package private(set) var steps: [Step] = []
  /// The last step that there was at the newest retry; 0 without one.
  package private(set) var lastNumberBeforeRetry = 0
  /// The step whose failure the newest row told of.
  private var failedLast: Int?
  /// A tool call that was cut because its task ended: nobody knows its answer.
  private var cutByEnd: Int?
  /// Tool calls that a task's end cut and a retry makes again, by their steps.
  private var redone: Set<Int> = []

  package init() {}

  package init(replaying entries: some Sequence<JournalEntry>) {
    for entry in entries { apply(entry) }
  }

  /// The steps that are part of the conversation.
  package var current: [Step] { steps.filter { !$0.isSuperseded } }

  package var lastNumber: Int { steps.last?.number ?? 0 }

  /// The step that first began a call which step `number` makes: an earlier one where that was cut and is made again. What
  /// tells its receiver that both are one call goes by that number.
  package func firstStep(ofCall id: String, madeBy number: Int) -> Int {
    let reply = current.last { $0.kind == .modelCall && $0.status == .finished && $0.number < number }?.number ?? 0
    let first = steps.first {
      redone.contains($0.number) && $0.number > reply && $0.input["call_id"]?.stringValue == id
    }
    return first?.number ?? number
  }

  package subscript(number: Int) -> Step? { steps.first { $0.number == number } }

  /// What the steps show changes.
  package mutating func update(_ change: (inout Step) -> Void) {
    for index in steps.indices { change(&steps[index]) }
  }

  /// Takes in how a step ended before its row is written, so that the next move can go into the same commit.
  package mutating func apply(_ end: StepEnd, at moment: Timestamp) {
    guard let index = steps.lastIndex(where: { $0.number == end.number }) else { return }
    steps[index].finishedAt = moment
    steps[index].usage = end.usage
    switch end.outcome {
    case .finished(let output, let resultHash):
      (steps[index].status, steps[index].output, steps[index].resultHash) = (.finished, output, resultHash)
    case .failed(let failure, let output):
      (steps[index].status, steps[index].error, steps[index].output) = (.failed, failure, output)
    case .inDoubt(let failure):
      (steps[index].status, steps[index].error) = (.inDoubt, failure)
    }
  }

  /// Takes one more row in; rows that tell of no step are passed over, but for `task.retrying`, which may set steps
  /// aside: those from `head.from` on, and the tool call that the task's end cut, which is made again.
  package mutating func apply(_ entry: JournalEntry) {
    noteCut(entry)
    if entry.type == .taskRetrying { lastNumberBeforeRetry = lastNumber }
    if entry.type == .taskRetrying, let from = entry.head["from"]?.integerValue {
      for index in steps.indices where steps[index].number >= Int(from) { steps[index].isSuperseded = true }
    }
    guard let number = entry.step, entry.type.isStep else { return }
    guard let index = steps.lastIndex(where: { $0.number == number }) else {
      if entry.type == .stepStarted, let step = Step(starting: entry, number: number) { steps.append(step) }
      return
    }
    steps[index].apply(entry)
  }
}

extension StepHistory {
  /// How a step ends when its task does.
  private static let cuts: Set<String> = ["cancelled", "timeout", "wall_time_limit", "crashed_repeatedly"]

  private mutating func noteCut(_ entry: JournalEntry) {
    switch entry.type {
    case .stepFailed: failedLast = entry.step
    case .taskFailed, .taskCancelled:
      // Both rows are of one commit and give one reason; a tool's own failure is the model's to hear.
      let reason = entry.type == .taskCancelled ? "cancelled" : entry.head["error"]?["code"]?.stringValue
      let step = failedLast.flatMap { number in steps.last { $0.number == number } }
      let isCut = step?.kind == .toolCall && step?.error?.code == reason && Self.cuts.contains(reason ?? "")
      (cutByEnd, failedLast) = (isCut ? step?.number : nil, nil)
    case .taskRetrying:
      if let cut = steps.firstIndex(where: { $0.number == cutByEnd }) {
        steps[cut].isSuperseded = true
        redone.insert(steps[cut].number)
      }
      (cutByEnd, failedLast) = (nil, nil)
    default: failedLast = nil
    }
  }
}

extension Step {
  fileprivate init?(starting entry: JournalEntry, number: Int) {
    let head = entry.head
    guard let kind = head["kind"]?.stringValue.flatMap(StepKind.init(rawValue:)), let name = head["name"]?.stringValue,
      let effect = head["effect"]?.stringValue.flatMap(EffectClass.init(rawValue:))
    else { return nil }
    self.init(
      number: number, kind: kind, name: name, effect: effect, status: .started,
      attempt: head["attempt"]?.integerValue.map { Int($0) } ?? 1, startedAt: entry.at,
      input: entry.body?["input"] ?? .null, evidence: head["evidence"],
      inputHash: head["input_hash"]?.stringValue ?? "")
  }

  fileprivate mutating func apply(_ entry: JournalEntry) {
    let head = entry.head
    switch entry.type {
    case .stepStarted:
      status = .started
      // A default that was switched, or a reload: another provider may serve this try.
      name = head["name"]?.stringValue ?? name
      attempt = head["attempt"]?.integerValue.map { Int($0) } ?? attempt + 1
      evidence = head["evidence"] ?? evidence
      // A try that sends something else than the one before says what; older builds wrote null where there was nothing.
      if let input = entry.body?["input"], !input.isNull {
        (self.input, inputHash) = (input, head["input_hash"]?.stringValue ?? inputHash)
      }
      (finishedAt, error, output, usage, resultHash) = (nil, nil, nil, nil, nil)
    case .stepFinished, .stepFailed:
      status = entry.type == .stepFinished ? .finished : .failed
      end(with: entry)
    case .stepInDoubt:
      status = .inDoubt
      error = Failure(json: head["error"])
      evidence = head["evidence"] ?? evidence
    case .stepResolved:
      // `retry` leaves the step in doubt until its next `step.started`.
      switch head["action"]?.stringValue {
      case "finished": status = .finished; end(with: entry)
      case "fail": status = .failed; end(with: entry)
      default: break
      }
    default: break
    }
  }

  private mutating func end(with entry: JournalEntry) {
    finishedAt = entry.at
    output = entry.body?["output"]
    error = Failure(json: entry.head["error"])
    usage = entry.head["usage"].flatMap(ModelUsage.init(json:))
    resultHash = entry.head["result_hash"]?.stringValue
  }
}
