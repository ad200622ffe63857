import AgentConfig
import AgentCore
import Synchronization

/// A configured provider as the engine meets it: the provider itself behind its gate, with a record of how its calls
/// went.
package final class RoutedProvider: ModelProvider {
  let settings: ProviderSettings.Provider
  private let inner: any ModelProvider
  let health: ProviderHealth
  /// Nil for the sandbox, which takes any number of calls.
  let gate: ProviderGate?
  private let clock: any WallClock
  private let log: any ServiceLog
  /// Its entry leads to another account by now, or is gone.
  private let isRetired = Mutex(false)

  init(
    _ settings: ProviderSettings.Provider, inner: any ModelProvider, health: ProviderHealth, gate: ProviderGate?,
    clock: any WallClock, log: any ServiceLog
  ) {
    (self.settings, self.inner, self.health, self.gate) = (settings, inner, health, gate)
    (self.clock, self.log) = (clock, log)
  }

  package var id: ProviderID { settings.id }
  package var traits: ProviderTraits { inner.traits }

  package func admit(task: TaskID, tokens: Int64) async -> ProviderAdmission {
    guard let gate else { return await inner.admit(task: task, tokens: tokens) }
    let admission = await gate.admit(task: task, of: id, tokens: tokens)
    guard isRetired.withLock({ $0 }) else { return admission }
    // It came in before the change, and too late to be sent away with those who waited then.
    if case .granted(let place) = admission { place.release() }
    gate.forget([task])
    return .later(GateLine.atOnce, GateLine.askedElsewhere)
  }

  /// From now on nobody gets a place through it; whoever waits asks anew.
  func retire() {
    isRetired.withLock { $0 = true }
    sendAway()
  }

  /// Whoever waits asks anew, and keeps the turn where the answer is this provider again.
  func sendAway() { gate?.sendAway(from: id) }

  package func complete(
    _ request: ModelRequest, onDelta: @escaping @Sendable (String) -> Void
  ) async throws(ProviderError) -> ModelReply {
    gate?.callBegan(request.task)
    do throws(ProviderError) {
      let reply = try await recorded(request, onDelta: onDelta)
      gate?.callAnswered(request.task, tokens: reply.usage.totalTokens)
      return reply
    } catch {
      throw told(error, of: request.task)
    }
  }

  /// Lets the gate know. A refused caller waits as long as the gate is shut, not only as long as it was told.
  private func told(_ error: ProviderError, of task: TaskID) -> ProviderError {
    guard let gate else { return error }
    guard error.code == .rateLimited else {
      gate.callFailed(task, wasSent: error.wasSent && error.status == nil)
      return error
    }
    let (shutFor, isNews) = gate.callRefused(task, asked: error.retryAfter)
    if isNews {
      log.record(
        .info, "provider", "rate_limited: the provider takes no calls for a while",
        ["provider": id.name, "seconds": "\(shutFor.components.seconds)"])
    }
    var error = error
    guard !isRetired.withLock({ $0 }) else {
      // What this account asks for is nothing to the one that is asked next.
      error.retryAfter = nil
      return error
    }
    error.retryAfter = max(error.retryAfter ?? .zero, shutFor)
    return error
  }

  /// One call past the gate, for a test: what it shows is told to the gate all the same.
  func tested(_ request: ModelRequest) async throws(ProviderError) -> ModelReply {
    do throws(ProviderError) {
      let reply = try await recorded(request) { _ in }
      gate?.proved()
      return reply
    } catch {
      if error.code == .rateLimited { _ = told(error, of: request.task) }
      throw error
    }
  }

  /// A test that somebody would not wait for any longer: to the call itself it was a caller who went away.
  func noted(_ error: ProviderError) -> ProviderError {
    note(error)
    return error
  }

  /// One call; how it goes is noted.
  private func recorded(
    _ request: ModelRequest, onDelta: @escaping @Sendable (String) -> Void
  ) async throws(ProviderError) -> ModelReply {
    guard !settings.lacksKey else {
      throw ProviderError(.keyInvalid, "provider '\(id)' needs a key, and its configuration has none")
    }
    do throws(ProviderError) {
      let reply = try await inner.complete(request, onDelta: onDelta)
      note(nil)
      return reply
    } catch {
      if error.code != .cancelled { note(error) }
      throw error
    }
  }

  private func note(_ error: ProviderError?) {
    guard let change = health.note(error, at: clock.now()) else { return }
    switch (change.from, change.to) {
    case (_, .keyInvalid):
      log.record(
        .warning, "provider", "key_invalid: the provider refuses its key",
        ["provider": id.name, "error": error?.detail ?? ""])
    case (_, .unreachable):
      log.record(
        .warning, "provider", "unreachable: the provider cannot be reached",
        ["provider": id.name, "error": error?.detail ?? ""])
    case (.keyInvalid, _): log.record(.info, "provider", "the provider takes its key again", ["provider": id.name])
    default: log.record(.info, "provider", "the provider answers again", ["provider": id.name])
    }
  }
}

extension ProviderSettings.Provider {
  /// Nil for the sandbox.
  var remote: RemoteProviderSettings? {
    if case .remote(let settings) = kind { settings } else { nil }
  }

  var hasKey: Bool { remote?.apiKey.map { !$0.isEmpty } ?? false }
  var lacksKey: Bool { remote?.needsKey ?? false && !hasKey }
}
