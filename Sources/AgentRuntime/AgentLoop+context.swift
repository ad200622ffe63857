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
  /// limit: the oldest tool outputs first, then the long arguments of calls that write; last of all, and no more than
  /// must be, the oldest outputs that came since the model spoke last, but never the newest one. Never the instructions,
  /// the prompt or what the model said. Decided from the history alone.
  package static func shape(
    _ shape: ConversationShape, of request: ModelRequest, history: StepHistory, keepingTo limit: ContextLimit
  ) throws(ContextOverflow) -> ConversationShape {
    let size = size(request, history: history, shape: shape)
    let whole = size.tokens(without: 0)
    let (most, aim): (Int64, Int64) =
      switch limit {
      case .within(let tokens): (Int64(tokens), Int64(tokens) * 3 / 4)
      case .half: (whole / 2, whole / 2)
      }
    guard whole > most else { return shape }
    var shape = shape
    var saved = 0
    var left: Int64 { size.tokens(without: saved) }
    let steps = history.current
    let newestReply = steps.last { $0.kind == .modelCall && $0.status == .finished }?.number ?? 0
    let answers = steps.filter { $0.kind == .toolCall && [.finished, .failed].contains($0.status) }
    let older = answers.filter { $0.number < newestReply }
    func elide(_ member: WritableKeyPath<ConversationShape, Set<Int>>, of step: Step, saving gain: Int) {
      guard gain > 0, shape[keyPath: member].insert(step.number).inserted else { return }
      saved += gain
    }
    for step in older where left > aim { elide(\.elidedOutputs, of: step, saving: outputBytes(step)) }
    for step in older where left > aim { elide(\.elidedArguments, of: step, saving: argumentBytes(step)) }
    // The model has not seen these: it can ask for them again, one at a time.
    for step in answers.filter({ $0.number > newestReply }).dropLast() where left > most {
      elide(\.elidedOutputs, of: step, saving: outputBytes(step))
    }
    guard left <= most else { throw ContextOverflow(tokens: left, limit: most) }
    return shape
  }

  /// Text of one token, as a provider counts it, at the least: most languages and all code have more.
  static let bytesPerToken = 3

  /// What `request` takes of its model's context: what the provider counted of the last call, its reply included, and
  /// a third of the bytes that came since, less those elided since. Without such a count, a third of all bytes.
  static func estimate(_ request: ModelRequest, history: StepHistory, shape: ConversationShape) -> Int64 {
    size(request, history: history, shape: shape).tokens(without: 0)
  }

  private struct Size {
    var counted: Int64
    /// Below 0 where more was elided than came.
    var bytes: Int

    /// With so many bytes less: just what the estimate is once they are elided.
    func tokens(without saved: Int) -> Int64 { max(0, counted + Int64((bytes - saved) / bytesPerToken)) }
  }

  private static func size(_ request: ModelRequest, history: StepHistory, shape: ConversationShape) -> Size {
    let steps = history.current
    guard let last = steps.last(where: { $0.kind == .modelCall && $0.status == .finished && $0.usage != nil }),
      let usage = last.usage
    else { return Size(counted: Budget.imageTokens(request), bytes: Budget.requestBytes(request)) }
    let before = ConversationShape(input: last.input)
    var bytes = shape.repair?.utf8.count ?? 0
    for step in steps where step.kind == .toolCall && [.finished, .failed].contains(step.status) {
      if step.number > last.number {
        let text = shape.elidedOutputs.contains(step.number) ? outputMarker(step) : shownText(step)
        bytes += step.name.utf8.count + text.utf8.count
      } else {
        if shape.elidedOutputs.subtracting(before.elidedOutputs).contains(step.number) { bytes -= outputBytes(step) }
        if shape.elidedArguments.subtracting(before.elidedArguments).contains(step.number) {
          bytes -= argumentBytes(step)
        }
      }
    }
    return Size(counted: usage.totalTokens, bytes: bytes)
  }

  /// What eliding that step's output saves.
  private static func outputBytes(_ step: Step) -> Int {
    shownText(step).utf8.count - outputMarker(step).utf8.count
  }
}
