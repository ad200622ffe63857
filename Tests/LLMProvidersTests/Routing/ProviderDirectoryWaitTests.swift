import AgentConfig
import AgentCore
import AgentTestKit
import Synchronization
import Testing

@testable import LLMProviders

/// What a switch, a reload, and the end of a task mean to those who wait before a provider.
@Suite struct ProviderDirectoryWaitTests {
  /// A directory, its clock, and whom it told to come back.
  private struct Bench {
    let rig: ProviderDirectoryTests.Rig
    private let told: Told
    var fetched: [TaskID] { told.take().sorted() }
    var directory: ProviderDirectory { rig.directory }

    init(_ settings: ProviderSettings) {
      let told = Told()
      (self.told, rig) = (told, ProviderDirectoryTests.Rig(settings))
      rig.directory.onVacancy { told.add($0) }
    }

    func admit(_ task: Int, _ name: ProviderID? = nil) async throws -> ProviderAdmission {
      try await directory.provider(named: name).admit(task: TaskID(number: Int64(task)), tokens: 1)
    }

    /// Waits in place, and for five seconds.
    func parked(_ task: Int, _ name: ProviderID? = nil) async throws {
      async let admission = admit(task, name)
      while rig.clock.sleeperCount == 0 { await Task.yield() }
      rig.clock.advance(by: .seconds(5))
      guard case .later = try await admission else {
        Issue.record("task \(task) was let in")
        return
      }
    }
  }

  private final class Told: Sendable {
    private let tasks = Mutex<[TaskID]>([])
    func add(_ more: [TaskID]) { tasks.withLock { $0 += more } }
    func take() -> [TaskID] {
      tasks.withLock { tasks in
        defer { tasks = [] }
        return tasks
      }
    }
  }

  private static let one = TaskID(number: 1)
  private static let two = TaskID(number: 2)

  private static func busy(named: ProviderID = "a", key: String = "k") -> ProviderSettings {
    ProviderSettings([.remote("a", key: key) { $0.maxConcurrent = 1 }, .remote("b", key: "other")], named: named)
  }

  private static func isSentAway(_ admission: ProviderAdmission) -> Bool {
    guard case .later(let pause, let error) = admission else { return false }
    return pause == .milliseconds(1) && error.retryAfter == nil
  }

  @Test(
    "another default fetches those who wait before the old one, by the API and by a reload", arguments: [true, false])
  func otherDefault(isSwitch: Bool) async throws {
    let bench = Bench(Self.busy())
    guard case .granted = try await bench.admit(1) else { return }
    try await bench.parked(2)
    #expect(bench.fetched == [])
    if isSwitch {
      _ = try await bench.directory.setDefault("b", by: .local)
    } else {
      await bench.directory.replace(Self.busy(named: "b"))
    }
    #expect(bench.fetched == [Self.two] && bench.directory.report("a")?.waiting == 0)
    guard case .granted = try await bench.admit(2) else {
      Issue.record("not let in at the new default")
      return
    }
    // The same once more is no news.
    _ = try await bench.directory.setDefault("b", by: .local)
    #expect(bench.fetched == [])
  }

  @Test("who waits in place before the old default is let go at once")
  func inPlace() async throws {
    let bench = Bench(Self.busy())
    guard case .granted = try await bench.admit(1) else { return }
    async let second = bench.admit(2)
    while bench.rig.clock.sleeperCount == 0 { await Task.yield() }
    _ = try await bench.directory.setDefault("b", by: .local)
    #expect(try await Self.isSentAway(second))
  }

  @Test("a new key fetches those who wait for the old one, the refused task itself among them")
  func newKey() async throws {
    let bench = Bench(Self.busy())
    let limited = ProviderError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(3000))
    try bench.rig.steered("a").set([.fail(limited)])
    let old = try bench.directory.provider(named: "a")
    guard case .granted(let place) = await old.admit(task: Self.one, tokens: 1) else { return }
    await #expect(throws: ProviderError.self) { try await old.complete(.of(1)) { _ in } }
    place.release()
    guard case .later = try await bench.admit(2) else { return }
    await bench.directory.replace(Self.busy(key: "new"))
    #expect(bench.fetched == [Self.one, Self.two])
    // Whoever had the old provider in hand already is sent to ask anew, and hears nothing of the old pause.
    #expect(Self.isSentAway(await old.admit(task: TaskID(number: 3), tokens: 1)))
    let late = await #expect(throws: ProviderError.self) { try await old.complete(.of(1)) { _ in } }
    #expect(late?.code == .rateLimited && late?.retryAfter == nil)
    guard case .granted = try await bench.admit(2) else {
      Issue.record("not let in with the new key")
      return
    }
  }

  @Test("who waits before a provider that is gone is fetched; one whose model alone changes keeps its line")
  func gone() async throws {
    let bench = Bench(Self.busy())
    guard case .granted = try await bench.admit(1) else { return }
    try await bench.parked(2)
    var settings = Self.busy()
    settings.providers[0] = .remote("a", key: "k") { ($0.maxConcurrent, $0.model) = (1, "other") }
    await bench.directory.replace(settings)
    #expect(bench.fetched == [] && bench.directory.report("a")?.waiting == 1)
    settings.providers.removeFirst()
    settings.namedDefault = "b"
    await bench.directory.replace(settings)
    #expect(bench.fetched == [Self.two])
  }

  @Test("a task that has ended waits no longer, and the next one has its turn")
  func ended() async throws {
    let bench = Bench(Self.busy())
    guard case .granted(let place) = try await bench.admit(1) else { return }
    try await bench.parked(2)
    try await bench.parked(3)
    #expect(bench.directory.report("a")?.waiting == 2)
    bench.directory.forget([Self.two, TaskID(number: 99)])
    #expect(bench.directory.report("a")?.waiting == 1)
    place.release()
    #expect(bench.fetched == [TaskID(number: 3)])
  }

  @Test("who is long overdue is not shown as waiting")
  func overdue() async throws {
    let bench = Bench(Self.busy())
    guard case .granted = try await bench.admit(1) else { return }
    try await bench.parked(2)
    bench.rig.clock.advance(by: .seconds(59))
    #expect(bench.directory.report("a")?.waiting == 1)
    bench.rig.clock.advance(by: .seconds(40))
    #expect(bench.directory.report("a")?.waiting == 0)
  }

  @Test("another key in a header is another account: it has a gate of its own, and begins without the old mark")
  func headerKey() async throws {
    func settings(_ secret: String) -> ProviderSettings {
      let entries = ["a", "b"].map { name in
        ProviderSettings.Provider.remote(ProviderID(name)) {
          ($0.maxConcurrent, $0.headers) = (1, ["api-key": Secret(name == "a" ? secret : "of-b")])
        }
      }
      return ProviderSettings(entries, named: "a")
    }
    let bench = Bench(settings("one"))
    guard case .granted = try await bench.admit(1, "a"), case .granted = try await bench.admit(2, "b") else {
      Issue.record("they share a gate")
      return
    }
    try bench.rig.steered("a").set([.fail(ProviderError(.keyInvalid, "wrong key", status: 401))])
    await #expect(throws: ProviderError.self) {
      try await bench.directory.provider(named: "a").complete(.of()) { _ in }
    }
    #expect(bench.rig.status("a") == .keyInvalid)
    await bench.directory.replace(settings("two"))
    #expect(bench.rig.status("a") == .ok && bench.directory.reports().map(\.inUse) == [0, 1])
  }
}
