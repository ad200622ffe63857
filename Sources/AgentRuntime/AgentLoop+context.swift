import AgentCore

/// What a limit on tokens leaves of a conversation.
extension AgentLoop {
  /// How far a conversation is brought down.
  package enum ContextLimit: Sendable, Hashable {
    /// Only when it is over so many tokens: then to three quarters of them, so that a prefix does not change with each
    /// call and the provider's cache keeps its worth.
    case within(Int)
    /// To half of what it is: the provider has refused it.
    case half
  }

  package struct ContextOverflow: Error, Sendable, Hashable {
    /// What the conversation still takes, and what it may.
    package var tokens: Int64
    package var limit: Int64
  }

  /// What to elide, besides what `shape` elides already, for `request` (whose messages are of that shape) to keep to the
  /// limit: the oldest tool outputs first, then the long arguments of calls that write. Never the instructions, the
  /// prompt, what the model said, or what came since it spoke last. Decided from the history alone.
  package static func shape(
    _ shape: ConversationShape, of request: ModelRequest, history: StepHistory, keepingTo limit: ContextLimit
  ) throws(ContextOverflow) -> ConversationShape {
    let whole = estimate(request, history: history, shape: shape)
    let (most, aim): (Int64, Int64) =
      switch limit {
      case .within(let tokens): (Int64(tokens), Int64(tokens) * 3 / 4)
      case .half: (whole / 2, whole / 2)
      }
    guard whole > most else { return shape }
    var shape = shape
    var saved = 0
    var left: Int64 { max(0, whole - Int64(saved / bytesPerToken)) }
    let steps = history.current
    let newestReply = steps.last { $0.kind == .modelCall && $0.status == .finished }?.number ?? 0
    let older = steps.filter {
      $0.kind == .toolCall && $0.number < newestReply && [.finished, .failed].contains($0.status)
    }
    for step in older where left > aim && !shape.elidedOutputs.contains(step.number) {
      let gain = outputBytes(step)
      guard gain > 0 else { continue }
      shape.elidedOutputs.insert(step.number)
      saved += gain
    }
    for step in older where left > aim && !shape.elidedArguments.contains(step.number) {
      let gain = argumentBytes(step)
      guard gain > 0 else { continue }
      shape.elidedArguments.insert(step.number)
      saved += gain
    }
    guard left <= most else { throw ContextOverflow(tokens: left, limit: most) }
    return shape
  }

  /// Text of one token, as a provider counts it, at the least: most languages and all code have more.
  static let bytesPerToken = 3

  /// What `request` takes of its model's context: what the provider counted of the last call, its reply included, and
  /// a third of the bytes that came since, less those elided since. Without such a count, a third of all bytes.
  static func estimate(_ request: ModelRequest, history: StepHistory, shape: ConversationShape) -> Int64 {
    let steps = history.current
    guard let last = steps.last(where: { $0.kind == .modelCall && $0.status == .finished && $0.usage != nil }),
      let usage = last.usage
    else { return Int64(Budget.requestBytes(request) / bytesPerToken) + Budget.imageTokens(request) }
    let before = ConversationShape(input: last.input)
    var bytes = shape.repair?.utf8.count ?? 0
    for step in steps where step.kind == .toolCall && [.finished, .failed].contains(step.status) {
      if step.number > last.number {
        bytes += step.name.utf8.count + shownText(step).utf8.count
      } else {
        if shape.elidedOutputs.subtracting(before.elidedOutputs).contains(step.number) { bytes -= outputBytes(step) }
        if shape.elidedArguments.subtracting(before.elidedArguments).contains(step.number) {
          bytes -= argumentBytes(step)
        }
      }
    }
    return max(0, usage.totalTokens + Int64(bytes / bytesPerToken))
  }

  /// What eliding that step's output saves.
  private static func outputBytes(_ step: Step) -> Int {
    shownText(step).utf8.count - outputMarker(step).utf8.count
  }
}
