import AgentConfig
import AgentCore

/// How a provider's test went.
package enum ProviderTest: Sendable, Hashable {
  case answered(model: String, latency: Duration)
  case failed(ProviderError)
}

extension ProviderDirectory {
  /// The most that a test may take: somebody sits and waits for it.
  package static let longestTest: Duration = .seconds(15)
  /// Characters of a model's name.
  fileprivate static let longestModel = 256
  /// Enough for a word, and the least that some models take.
  private static let testTokens = 16

  /// All providers, in the order of the file.
  package func reports() -> [ProviderReport] {
    let content = content.withLock { $0 }
    return content.settings.providers.compactMap { content.providers[$0.id] }.map { report($0, in: content) }
  }

  /// Nil for a name that configuration does not have.
  package func report(_ id: ProviderID) -> ProviderReport? {
    let content = content.withLock { $0 }
    return content.providers[id].map { report($0, in: content) }
  }

  private func report(_ provider: RoutedProvider, in content: Content) -> ProviderReport {
    let (settings, gate) = (provider.settings, provider.gate?.snapshot)
    return ProviderReport(
      id: settings.id, type: settings.type, model: settings.remote?.model ?? provider.traits.model,
      baseURL: settings.shownBaseURL, health: provider.health.snapshot, isDefault: settings.id == content.defaultID,
      inUse: gate?.inUse ?? 0, waiting: gate?.waiting ?? 0, maxConcurrent: gate?.limits.maxConcurrent,
      closedUntil: gate?.closedFor.map { parts.clock.now().adding($0) })
  }

  /// One small real call, one try, outside queue and budget, at most `longestTest`. Any well-formed 200 is an answer:
  /// what it says does not matter. Throws `.providerUnknown`.
  package func test(_ id: ProviderID) async throws(ProviderError) -> ProviderTest {
    let provider = try routed(id)
    let request = ModelRequest(
      model: nil, messages: [.user("Reply with the word ok.")], tools: [], maxOutputTokens: Self.testTokens,
      task: TaskID(number: 0), agent: "provider-test", turn: 1)
    let (clock, started) = (parts.clock, parts.clock.uptime())
    let ended = await withTaskGroup(
      of: Result<ModelReply, ProviderError>?.self
    ) { group in
      group.addTask {
        do throws(ProviderError) {
          return .success(try await provider.tested(request))
        } catch {
          return .failure(error)
        }
      }
      group.addTask {
        // Cut short only by the answer, and then nobody asks for this.
        try? await clock.sleep(for: Self.longestTest)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
    let result = ended ?? .failure(Task.isCancelled ? Self.tooSlow : provider.noted(Self.tooSlow))
    let latency = parts.clock.uptime() - started
    switch result {
    case .success(let reply): return .answered(model: provider.shownModel(reply.model), latency: latency)
    case .failure(let error) where [.refused, .truncated, .providerEmpty].contains(error.code):
      return .answered(model: provider.settings.remote?.model ?? id.name, latency: latency)
    case .failure(let error): return .failed(error)
    }
  }

  private static let tooSlow = ProviderError(
    .timeout, "no answer within \(longestTest.components.seconds) seconds", wasSent: true)
}

extension RoutedProvider {
  /// The model that it says it is: words of a provider like any other.
  fileprivate func shownModel(_ name: String) -> String {
    settings.remote.map { Redaction($0).shown(name, atMost: ProviderDirectory.longestModel) } ?? name
  }
}
