import AgentCore

/// How an effect came back: with its own answer, and perhaps because it was cut.
struct EffectResult<Value: Sendable>: Sendable {
  enum Cut: Sendable {
    case interrupt(InterruptReason)
    case timeout
  }
  var value: Value
  /// Why the effect was told to stop; nil when it came to its own end.
  var cut: Cut?
}

/// Runs `effect`, telling it to stop (by cancellation) at a hard interrupt or when its time is up. Returns after the
/// effect has returned in any case, so that nothing of it goes on behind the worker's back.
func withInterrupt<Value: Sendable>(
  _ interrupt: WorkInterrupt, limit: Duration, clock: any WallClock, _ effect: @escaping @Sendable () async -> Value
) async -> EffectResult<Value> {
  await withTaskGroup(of: EffectEvent<Value>.self) { group in
    group.addTask { .value(await effect()) }
    group.addTask {
      await interrupt.waitUntilHard()
      return .hard
    }
    group.addTask {
      do { try await clock.sleep(for: limit) } catch { return .stopped }
      return .timeUp
    }
    var cut: EffectResult<Value>.Cut?
    while let event = await group.next() {
      switch event {
      case .value(let value):
        group.cancelAll()
        return EffectResult(value: value, cut: cut)
      case .hard:
        if let reason = interrupt.hardReason, cut == nil { cut = .interrupt(reason) }
        group.cancelAll()
      case .timeUp:
        if cut == nil { cut = .timeout }
        group.cancelAll()
      case .stopped: break
      }
    }
    preconditionFailure("the effect's own child always answers")
  }
}

private enum EffectEvent<Value: Sendable>: Sendable {
  case value(Value)
  case hard, timeUp, stopped
}
