import AgentCore
import Synchronization

/// The pieces of one try of a model call on their way to live readers: a sealed value that stands in them, or that comes in
/// two pieces, is not shown.
final class GuardedDeltas: Sendable {
  private let delta: ModelDelta
  private let events: TaskEvents
  private let stream: Mutex<SealedStream>

  /// `delta`: whose pieces they are.
  init(_ delta: ModelDelta, filter: SealedFilter, events: TaskEvents) {
    (self.delta, self.events) = (delta, events)
    stream = Mutex(SealedStream(filter))
  }

  func take(_ text: String) { publish(stream.withLock { $0.take(text) }) }

  /// The reply has ended: what was held back is none.
  func finish() { publish(stream.withLock { $0.finish() }) }

  private func publish(_ text: String) {
    guard !text.isEmpty else { return }
    var delta = delta
    delta.text = text
    events.publish(delta)
  }
}
