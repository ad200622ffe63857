import AgentCore
import AgentRuntime
import Synchronization

/// A provider whose calls a test counts and steers; the last behaviour is for every later call too.
final class ProbeProvider: ModelProvider {
  enum Behaviour: Sendable {
    case text(String)
    case call(String)
    case reply(ModelReply)
    case fail(ProviderError)
    /// Until it is cancelled, then as a call that was sent or not.
    case hang(wasSent: Bool)
  }
  let id: ProviderID = "sandbox"
  private let configured: Mutex<ProviderTraits>
  private let behaviours: Mutex<[Behaviour]>
  private let requests = Mutex<[ModelRequest]>([])
  private let entered = Wakeup()
  private let asking = Wakeup()

  /// What it says of each request to be admitted; the last one is for every later request too.
  private let admissions: Mutex<[Admission]>
  private let places = Mutex((given: 0, returned: 0))
  private let admissionsAsked = Mutex<[Int64]>([])

  enum Admission: Sendable {
    case place
    case later(Duration, ProviderError)
    /// A place, once the test's signal has come.
    case held(Wakeup)
    /// Until it is cancelled.
    case hang
  }

  init(_ behaviours: [Behaviour], traits: ProviderTraits = ProviderTraits(), admissions: [Admission] = [.place]) {
    configured = Mutex(traits)
    self.behaviours = Mutex(behaviours)
    self.admissions = Mutex(admissions)
  }

  /// Returns when leave for a call was asked that no earlier return told of.
  func asked() async { await asking.wait() }

  /// Places that were given and not given back.
  var placesTaken: Int { places.withLock { $0.given - $0.returned } }
  /// The tokens that each request to be admitted named.
  var askedFor: [Int64] { admissionsAsked.withLock { $0 } }

  func admit(task: TaskID, tokens: Int64) async -> ProviderAdmission {
    admissionsAsked.withLock { $0.append(tokens) }
    asking.wake()
    let admission = admissions.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
    switch admission {
    case .place, .held:
      if case .held(let signal) = admission { await signal.wait() }
      places.withLock { $0.given += 1 }
      return .granted(ProviderPlace { self.places.withLock { $0.returned += 1 } })
    case .later(let pause, let error): return .later(pause, error)
    case .hang:
      await Wakeup().wait()
      return .later(.seconds(5), ProviderError(.rateLimited, "cut"))
    }
  }

  var traits: ProviderTraits { configured.withLock { $0 } }
  /// As a reload does.
  func configure(_ traits: ProviderTraits) { configured.withLock { $0 = traits } }

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
    case .reply(let reply): return reply
    case .fail(let error): throw error
    case .hang(let wasSent):
      await Wakeup().wait()
      throw ProviderError(.cancelled, "cut", wasSent: wasSent)
    }
  }
}
