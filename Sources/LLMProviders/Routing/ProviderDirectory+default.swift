import AgentConfig
import AgentCore

/// Why a default could not be switched.
package enum ProviderSwitchError: Error, Sendable, Hashable {
  case unknown(ProviderID)
  case noKey(ProviderID)
  case store(StoreError)
}

extension ProviderDirectory {
  /// Takes a stored switch into force: once, at the start. Throws what the store throws on reading.
  package func restore() async throws(StoreError) {
    await turns.take()
    defer { turns.give() }
    guard let stored = try await storedSwitch() else { return }
    let settings = content.withLock { $0.settings }
    let holding = await judged(stored, settings)
    content.withLock { $0.switchedDefault = holding }
  }

  /// Puts other providers in force, all at once; a switched default stands as long as the files' own says what it said
  /// then. Does not fail: a store that cannot be read leaves the switch as it is in memory.
  package func replace(_ settings: ProviderSettings) async {
    await turns.take()
    defer { turns.give() }
    let switched = content.withLock { content in content.switchedDefault }
    var stored: StoredSetting?
    do {
      stored = try await storedSwitch()
    } catch {
      parts.log.record(
        .warning, "provider", "the stored default could not be read", ["error": error.code.rawValue])
      let named = content.withLock { $0.settings.namedDefault }
      stored = switched.map {
        StoredSetting(name: DefaultRule.settingName, value: $0.name, fileValue: named?.name)
      }
    }
    let holding: ProviderID? = if let stored { await judged(stored, settings) } else { nil }
    // Nobody else changes the content meanwhile: each change takes its turn.
    var next = Self.content(settings, parts, vacancies, before: content.withLock { $0 })
    next.switchedDefault = holding
    putInForce(next)
  }

  /// Called within a turn. Tasks that wait before a provider that is asked no longer are fetched: they ask anew.
  private func putInForce(_ next: Content) {
    let before = content.withLock { content in
      defer { content = next }
      return content
    }
    for (id, provider) in before.providers {
      if next.providers[id]?.gate !== provider.gate {
        provider.retire()
      } else if id == before.defaultID, id != next.defaultID {
        provider.sendAway()
      }
    }
  }

  /// Switches the default, durably, from the next model call on.
  package func setDefault(
    _ id: ProviderID, by principal: Principal
  ) async throws(ProviderSwitchError) -> ProviderReport {
    await turns.take()
    defer { turns.give() }
    let (provider, named) = content.withLock { ($0.providers[id], $0.settings.namedDefault) }
    guard let provider else { throw .unknown(id) }
    guard !provider.settings.lacksKey else { throw .noKey(id) }
    do throws(StoreError) {
      try await parts.store?.set(
        StoredSetting(name: DefaultRule.settingName, value: id.name, fileValue: named?.name), by: principal)
    } catch {
      throw .store(error)
    }
    var next = content.withLock { $0 }
    next.switchedDefault = id
    putInForce(next)
    parts.log.record(
      .info, "provider", "provider.default_switched", ["provider": id.name, "principal": "\(principal)"])
    guard let report = report(id) else { throw .unknown(id) }
    return report
  }

  private func storedSwitch() async throws(StoreError) -> StoredSetting? {
    guard let store = parts.store else { return nil }
    return try await store.settings().first { $0.name == DefaultRule.settingName }
  }

  /// Nil for a switch that does not hold; it is then dropped from the store too.
  private func judged(_ stored: StoredSetting, _ settings: ProviderSettings) async -> ProviderID? {
    switch DefaultRule.verdict(on: stored, settings) {
    case .holds(let id): return id
    case .overtaken:
      parts.log.record(
        .info, "provider", "the default of the files holds again: they say something else than at the switch",
        ["provider": stored.value])
    case .gone(let id):
      parts.log.record(
        .warning, "provider", "provider_unknown: the default was switched to a provider that is gone from the files",
        ["provider": id.name])
    }
    do throws(StoreError) {
      _ = try await parts.store?.dropSetting(stored.name, by: .system)
    } catch {
      // It is judged the same way at the next start.
      parts.log.record(
        .warning, "provider", "a default that no longer holds could not be dropped", ["error": error.code.rawValue])
    }
    return nil
  }
}
