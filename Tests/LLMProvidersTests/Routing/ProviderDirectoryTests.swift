import AgentConfig
import AgentCore
import AgentTestKit
import Testing

@testable import LLMProviders

@Suite("The directory of providers")
struct ProviderDirectoryTests {
  private static let setting = DefaultRule.settingName

  /// A directory over steered providers, one a name and kept over reloads.
  struct Rig {
    let clock = ManualClock()
    let log = NotedLog()
    let store = SettingsDouble()
    let providers: [ProviderID: SteeredProvider]
    let directory: ProviderDirectory

    init(_ settings: ProviderSettings, forced: ProviderID? = nil, stored: StoredSetting? = nil) {
      let providers = Dictionary(
        uniqueKeysWithValues: ["a", "b", "c", "sandbox"].map { (ProviderID($0), SteeredProvider(ProviderID($0))) })
      self.providers = providers
      if let stored { store.put(stored) }
      directory = ProviderDirectory(
        settings,
        ProviderDirectory.Parts(
          clock: clock, random: SeededRandom(seed: 1), log: log, store: store, forcedDefault: forced
        ) { providers[$0.id] ?? SteeredProvider($0.id) })
    }

    func steered(_ id: ProviderID) throws -> SteeredProvider { try #require(providers[id]) }
    func status(_ id: ProviderID) -> ProviderStatus? { directory.report(id)?.health.status }
  }

  private static let sandbox = ProviderSettings.Provider(id: "sandbox")

  @Test("no name asks for the default, a name for its own provider, and an unknown one is provider_unknown")
  func lookup() throws {
    let directory = try ProviderDirectory(
      providers: ["zeta": SteeredProvider("zeta"), "alpha": SteeredProvider("alpha")], defaultID: "zeta",
      clock: ManualClock())
    #expect(try directory.provider(named: nil).id == "zeta")
    #expect(try directory.provider(named: "alpha").id == "alpha")
    #expect(directory.ids == ["alpha", "zeta"] && directory.defaultID == "zeta")
    let error = #expect(throws: ProviderError.self) { try directory.provider(named: "beta") }
    #expect(error?.code == .providerUnknown && error?.isRetryable == false)
    #expect(error?.detail.contains("beta") == true)
    #expect(throws: ProviderError.self) {
      try ProviderDirectory(providers: ["a": SteeredProvider("a")], defaultID: "b", clock: ManualClock())
    }
  }

  @Test(
    "the default is the file's, else the first with a key, else the sandbox; in `sandbox` it is that whatever is set",
    arguments: [
      ([.remote("a", key: "k"), sandbox], "sandbox", nil, "sandbox"),
      ([sandbox, .remote("a"), .remote("b", key: "k"), .remote("c", key: "k")], nil, nil, "b"),
      ([.remote("a", needsKey: true), .remote("b"), sandbox], nil, nil, "sandbox"),
      ([.remote("a", key: "", needsKey: true), .remote("b")], nil, nil, "b"),
      ([.remote("a", needsKey: true)], nil, nil, "a"),
      ([.remote("a", key: "k"), sandbox], "a", "sandbox", "sandbox"),
      ([.remote("a", key: "k")], nil, "sandbox", "a"),
    ] as [([ProviderSettings.Provider], ProviderID?, ProviderID?, ProviderID)])
  func defaults(
    providers: [ProviderSettings.Provider], named: ProviderID?, forced: ProviderID?, expected: ProviderID
  ) {
    let rig = Rig(ProviderSettings(providers, named: named), forced: forced)
    #expect(rig.directory.defaultID == expected)
  }

  @Test("a switch is stored with what the file said, holds from the next call on, and over a start")
  func switched() async throws {
    let settings = ProviderSettings([.remote("a", key: "k"), .remote("b"), Self.sandbox], named: "a")
    let rig = Rig(settings)
    let report = try await rig.directory.setDefault("b", by: .local)
    #expect(report.id == "b" && report.isDefault)
    #expect(try rig.directory.provider(named: nil).id == "b")
    #expect(rig.store.stored == [StoredSetting(name: Self.setting, value: "b", fileValue: "a")])
    let next = Rig(settings, stored: rig.store.stored.first)
    try await next.directory.restore()
    #expect(next.directory.defaultID == "b")
  }

  @Test("what cannot be the default is refused, and nothing is stored")
  func refused() async {
    let rig = Rig(ProviderSettings([Self.sandbox, .remote("a", needsKey: true)]))
    let unknown = await #expect(throws: ProviderSwitchError.self) {
      try await rig.directory.setDefault("nobody", by: .local)
    }
    #expect(unknown == .unknown("nobody"))
    let keyless = await #expect(throws: ProviderSwitchError.self) {
      try await rig.directory.setDefault("a", by: .local)
    }
    #expect(keyless == .noKey("a"))
    rig.store.fail(StoreError(.diskFull, "full"))
    let full = await #expect(throws: ProviderSwitchError.self) {
      try await rig.directory.setDefault("sandbox", by: .local)
    }
    #expect(full == .store(StoreError(.diskFull, "full")))
    #expect(rig.store.stored.isEmpty && rig.directory.defaultID == "sandbox")
  }

  @Test(
    "a stored switch falls when the file's own value changes, its absence being a value, or when its name is gone",
    arguments: [
      ("b", "a", "a", "b", nil), ("b", "a", nil, "sandbox", "info"), ("b", nil, nil, "b", nil),
      ("b", nil, "a", "a", "info"), ("b", "a", "b", "b", "info"), ("gone", "a", "a", "a", "warning"),
    ] as [(String, String?, ProviderID?, ProviderID, String?)])
  func judged(value: String, fileValue: String?, now: ProviderID?, expected: ProviderID, level: String?) async throws {
    let settings = ProviderSettings([Self.sandbox, .remote("a"), .remote("b")], named: now)
    let stored = StoredSetting(name: Self.setting, value: value, fileValue: fileValue)
    let rig = Rig(settings, stored: stored)
    try await rig.directory.restore()
    #expect(rig.directory.defaultID == expected)
    #expect(rig.store.stored.isEmpty == (level != nil))
    #expect(rig.log.lines.count == (level == nil ? 0 : 1))
    if let level { #expect(rig.log.lines.first?.hasPrefix(level) == true, "\(rig.log.lines)") }
    // A reload judges the same way.
    let other = Rig(ProviderSettings([Self.sandbox]), stored: stored)
    await other.directory.replace(settings)
    #expect(other.directory.defaultID == expected)
  }

  @Test("a reload replaces all at once; a call in flight ends with the provider that it began with")
  func reload() async throws {
    let rig = Rig(ProviderSettings([.remote("a"), .remote("b")], named: "a"))
    try rig.steered("a").set([.hang])
    async let reply = rig.directory.provider(named: nil).complete(.of()) { _ in }
    try await rig.steered("a").begun()
    await rig.directory.replace(ProviderSettings([.remote("c")], named: "c"))
    #expect(rig.directory.ids == ["c"] && rig.directory.defaultID == "c")
    let error = #expect(throws: ProviderError.self) { try rig.directory.provider(named: "a") }
    #expect(error?.code == .providerUnknown)
    try rig.steered("a").letGo()
    #expect(try await reply.text == "let go by a")
  }

  @Test("a gate outlives a reload as long as key and address stay: what is in flight counts, and a 429 holds")
  func gatesOutlive() async throws {
    let rig = Rig(ProviderSettings([.remote("a", key: "k") { $0.maxConcurrent = 1 }], named: "a"))
    try rig.steered("a").set([.fail(ProviderError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(40)))])
    let before = try rig.directory.provider(named: "a")
    guard case .granted(let place) = await before.admit(task: TaskID(number: 1), tokens: 10) else { return }
    #expect(rig.directory.report("a")?.inUse == 1)
    await rig.directory.replace(
      ProviderSettings([.remote("a", key: "k") { ($0.maxConcurrent, $0.model) = (2, "other") }], named: "a"))
    #expect(rig.directory.report("a")?.inUse == 1 && rig.directory.report("a")?.maxConcurrent == 2)
    await #expect(throws: ProviderError.self) { try await before.complete(.of(1)) { _ in } }
    place.release()
    let after = try rig.directory.provider(named: "a")
    guard case .later(let pause, let error) = await after.admit(task: TaskID(number: 2), tokens: 10) else {
      Issue.record("let in")
      return
    }
    #expect(pause == .seconds(40) && error.code == .rateLimited)
    #expect(rig.directory.report("a")?.closedUntil == rig.clock.now().adding(.seconds(40)))
    // Another key is another account.
    await rig.directory.replace(ProviderSettings([.remote("a", key: "new")], named: "a"))
    guard case .granted = try await rig.directory.provider(named: "a").admit(task: TaskID(number: 2), tokens: 10) else {
      Issue.record("not let in")
      return
    }
  }

  @Test("entries of one key and address share one gate, with the smallest of their limits")
  func sharedGate() async throws {
    let rig = Rig(
      ProviderSettings(
        [.remote("a", key: "k") { $0.maxConcurrent = 3 }, .remote("b", key: "k") { $0.maxConcurrent = 2 }], named: "a"))
    guard case .granted = try await rig.directory.provider(named: "a").admit(task: TaskID(number: 1), tokens: 1) else {
      Issue.record("not let in")
      return
    }
    #expect(rig.directory.reports().map(\.inUse) == [1, 1] && rig.directory.reports().map(\.maxConcurrent) == [2, 2])
  }

  @Test("vacancies are told to whoever listens by then")
  func vacancies() async throws {
    let rig = Rig(ProviderSettings([.remote("a") { $0.maxConcurrent = 1 }], named: "a"))
    let (heard, signal) = AsyncStream.makeStream(of: [TaskID].self)
    rig.directory.onVacancy { signal.yield($0) }
    let provider = try rig.directory.provider(named: nil)
    guard case .granted(let place) = await provider.admit(task: TaskID(number: 1), tokens: 1) else { return }
    async let second = provider.admit(task: TaskID(number: 2), tokens: 1)
    while rig.clock.sleeperCount == 0 { await Task.yield() }
    rig.clock.advance(by: .seconds(5))
    guard case .later = await second else {
      Issue.record("not sent away")
      return
    }
    place.release()
    #expect(await heard.first { _ in true } == [TaskID(number: 2)])
  }

  @Test("a refused key is marked and logged once, and the next good call clears it")
  func keyInvalid() async throws {
    let rig = Rig(ProviderSettings([.remote("a", key: "k")], named: "a"))
    let provider = try rig.directory.provider(named: "a")
    let refusal = ProviderError(.keyInvalid, "wrong key", status: 401)
    try rig.steered("a").set(
      [.fail(refusal), .fail(refusal), .fail(ProviderError(.providerError, "busy", status: 500)), .text("ok")])
    for _ in 0..<3 {
      rig.clock.advance(by: .seconds(1))
      await #expect(throws: ProviderError.self) { try await provider.complete(.of()) { _ in } }
      #expect(rig.status("a") == .keyInvalid)
    }
    let health = try #require(rig.directory.report("a")?.health)
    #expect(health.lastError?.code == "provider_error" && health.since < rig.clock.now())
    #expect(rig.log.lines.count == 1 && rig.log.lines[0].hasPrefix("warning provider key_invalid"), "\(rig.log.lines)")
    _ = try await provider.complete(.of()) { _ in }
    #expect(rig.status("a") == .ok && rig.directory.report("a")?.health.lastError == nil)
    #expect(rig.log.lines.count == 2 && rig.log.lines[1].hasPrefix("info provider"), "\(rig.log.lines)")
  }

  @Test("a new key in the files begins afresh; a mark stays when only the model changes")
  func newKey() async throws {
    let rig = Rig(ProviderSettings([.remote("a", key: "old")], named: "a"))
    try rig.steered("a").set([.fail(ProviderError(.keyInvalid, "wrong key", status: 401))])
    await #expect(throws: ProviderError.self) {
      try await rig.directory.provider(named: "a").complete(.of()) { _ in }
    }
    await rig.directory.replace(ProviderSettings([.remote("a", key: "old") { $0.model = "other" }], named: "a"))
    #expect(rig.status("a") == .keyInvalid)
    await rig.directory.replace(ProviderSettings([.remote("a", key: "new")], named: "a"))
    #expect(rig.status("a") == .ok)
  }

  @Test("a provider that needs a key and has none is no_key, and is not called")
  func noKey() async throws {
    let rig = Rig(ProviderSettings([.remote("a", needsKey: true)], named: "a"))
    #expect(rig.status("a") == .noKey)
    let error = await #expect(throws: ProviderError.self) {
      try await rig.directory.provider(named: "a").complete(.of()) { _ in }
    }
    #expect(error?.code == .keyInvalid && error?.wasSent == false)
    #expect(rig.status("a") == .noKey)
    #expect(try rig.steered("a").requests.isEmpty)
  }

  @Test("a test is one small call past the gate, and any whole answer is ok")
  func tested() async throws {
    let rig = Rig(ProviderSettings([.remote("a") { $0.maxConcurrent = 1 }], named: "a"))
    guard case .granted = try await rig.directory.provider(named: "a").admit(task: TaskID(number: 1), tokens: 1) else {
      Issue.record("not let in")
      return
    }
    #expect(try await rig.directory.test("a") == .answered(model: "model-of-a", latency: .zero))
    for code in [ProviderError.Code.refused, .truncated] {
      try rig.steered("a").set([.fail(ProviderError(code, "", status: 200))])
      guard case .answered = try await rig.directory.test("a") else {
        Issue.record("\(code)")
        continue
      }
    }
    let failure = ProviderError(.unreachable, "connection refused")
    try rig.steered("a").set([.fail(failure), .text("ok")])
    #expect(try await rig.directory.test("a") == .failed(failure))
    #expect(rig.status("a") == .unreachable)
    #expect(try rig.steered("a").requests.count == 4)
    await #expect(throws: ProviderError.self) { try await rig.directory.test("nobody") }
  }

  @Test(
    "a test shows the name of the model that answered, on one line, cut, and without what is secret",
    arguments: [
      ("gpt-5.2-2025-12-11", "gpt-5.2-2025-12-11"), ("m\n\u{202E}x", "m x"),
      ("your key is sk-secret-of-a", "your key is [redacted]"),
      (String(repeating: "m", count: 257), String(repeating: "m", count: 256) + "…"),
    ])
  func modelName(name: String, shown: String) async throws {
    let rig = Rig(ProviderSettings([.remote("a", key: "sk-secret-of-a")], named: "a"))
    try rig.steered("a").set([.model(name)])
    #expect(
      try await rig.directory.test("a")
        == .answered(model: shown.replacing("[redacted]", with: Secret.placeholder), latency: .zero))
  }

  @Test("a test takes fifteen seconds at most")
  func slowTest() async throws {
    let rig = Rig(ProviderSettings([.remote("a")], named: "a"))
    try rig.steered("a").set([.hang])
    async let result = rig.directory.test("a")
    try await rig.steered("a").begun()
    while rig.clock.sleeperCount == 0 { await Task.yield() }
    rig.clock.advance(by: .seconds(15))
    guard case .failed(let error) = try await result else {
      Issue.record("answered")
      return
    }
    #expect(error.code == .timeout)
    // It was reached, as far as anybody knows, but not well.
    #expect(rig.directory.report("a")?.health.lastError?.code == "timeout" && rig.status("a") == .ok)
  }

  @Test("a test's 429 closes the gate for all, and a good test opens it")
  func testTells() async throws {
    let rig = Rig(ProviderSettings([.remote("a")], named: "a"))
    try rig.steered("a").set(
      [.fail(ProviderError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(86_400))), .text("ok")])
    guard case .failed = try await rig.directory.test("a") else { return }
    guard
      case .later(let pause, _) = try await rig.directory.provider(named: nil).admit(
        task: TaskID(number: 1), tokens: 1)
    else {
      Issue.record("let in")
      return
    }
    #expect(pause == .seconds(86_400))
    _ = try await rig.directory.test("a")
    #expect(rig.directory.report("a")?.closedUntil == nil)
  }

  @Test(
    "what stands before an `@` in an address is not shown",
    arguments: [
      ("https://user:pass@api.example.org/v1", "https://api.example.org/v1"),
      ("http://a@b@host:1/x@y", "http://host:1/x@y"), ("http://host/v1?a@b", "http://host/v1?a@b"),
      ("http://host", "http://host"),
    ])
  func userInfo(address: String, shown: String) {
    #expect(ProviderSettings.Provider.remote("a", url: address).shownBaseURL == shown)
  }
}
