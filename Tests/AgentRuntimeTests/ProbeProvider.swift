import AgentCore
import AgentRuntime
import Synchronization

/// A provider whose calls a test counts and steers; the last behaviour is for every later call too.
final class ProbeProvider: ModelProvider {
  enum Behaviour: Sendable {
    case text(String)
    case call(String)
    case fail(ProviderError)
    /// Until it is cancelled, then as a call that was sent or not.
    case hang(wasSent: Bool)
  }
  let id: ProviderID = "sandbox"
  private let behaviours: Mutex<[Behaviour]>
  private let requests = Mutex<[ModelRequest]>([])
  private let entered = Wakeup()

  init(_ behaviours: [Behaviour]) { self.behaviours = Mutex(behaviours) }

  /// The calls so far.
  var calls: [ModelRequest] { requests.withLock { $0 } }

  /// Returns when a call has begun that no earlier return told of.
  func begun() async { await entered.wait() }

  func complete(
    _ request: ModelRequest, onDelta: @escaping @Sendable (String) -> Void
  ) async throws(ProviderError) -> ModelReply {
    requests.withLock { $0.append(request) }
    entered.wake()
    let usage = ModelUsage(inputTokens: 20, outputTokens: 10)
    switch behaviours.withLock({ $0.count > 1 ? $0.removeFirst() : $0[0] }) {
    case .text(let text):
      onDelta(text)
      return ModelReply(text: text, calls: [], finish: .stop, usage: usage, model: "probe")
    case .call(let name):
      let call = ToolCall(id: "call-\(request.turn)", name: name, arguments: [:])
      return ModelReply(text: "", calls: [call], finish: .toolCalls, usage: usage, model: "probe")
    case .fail(let error): throw error
    case .hang(let wasSent):
      await Wakeup().wait()
      throw ProviderError(.cancelled, "cut", wasSent: wasSent)
    }
  }
}
