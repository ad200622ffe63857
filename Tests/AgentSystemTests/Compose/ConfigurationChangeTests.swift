import AgentConfig
import AgentCore
import Testing

@testable import AgentSystem

@Suite("What a reload changes")
struct ConfigurationChangeTests {
  private static func value(
    _ key: String, _ value: JSONValue, reloadable: Bool, secret: Secret? = nil
  ) -> ConfigValue {
    ConfigValue(file: "f", key: key, value: value, source: .builtIn, isReloadable: reloadable, secret: secret)
  }

  private static func loaded(_ values: [ConfigValue], workers: Int = 1) -> LoadedConfiguration {
    var loaded = LoadedConfiguration()
    loaded.values = values
    loaded.server.workers = workers
    return loaded
  }

  @Test("what is reloadable is applied, the rest is held with its old value, a key that is gone counts as changed")
  func merged() {
    let before = Self.loaded(
      [
        Self.value("a", 1, reloadable: true), Self.value("b", 1, reloadable: false),
        Self.value("gone", 1, reloadable: true), Self.value("same", 1, reloadable: true),
      ], workers: 1)
    var after = Self.loaded(
      [
        Self.value("a", 2, reloadable: true), Self.value("b", 2, reloadable: false),
        Self.value("new", 1, reloadable: true), Self.value("same", 1, reloadable: true),
      ], workers: 2)
    after.server.log.level = .debug
    let change = ConfigurationChange(from: before, to: after)
    #expect(change.applied == ["f a", "f new", "f gone"] && change.held == ["f b"])
    #expect(change.merged.values.map { "\($0.key)=\($0.value.text)" } == ["a=2", "b=1", "new=1", "same=1"])
    #expect(change.merged.server.workers == 1 && change.merged.server.log.level == .debug)
    #expect(change.sentence.contains("3 changed; 1 wait for a restart"))
  }

  @Test("another secret under the same placeholder is a change, another source of the same value is none")
  func secrets() {
    func key(_ text: String) -> LoadedConfiguration {
      Self.loaded([Self.value("k", "[secret]", reloadable: true, secret: Secret(text))])
    }
    #expect(ConfigurationChange(from: key("one"), to: key("two")).applied == ["f k"])
    #expect(ConfigurationChange(from: key("one"), to: key("one")).applied == [])
    var moved = key("one")
    moved.values[0].source = .environment("K")
    #expect(ConfigurationChange(from: key("one"), to: moved).applied == [])
  }

  @Test("state stands above a value, what the files say by now beside it")
  func rows() {
    let values = [Self.value("a", 1, reloadable: true), Self.value("b", 1, reloadable: true)]
    var state = Self.value("a", 9, reloadable: true)
    state.source = .state
    let rows = ConfigPage.rows(
      values, state: [state], pending: [Self.value("a", 2, reloadable: true), Self.value("c", 3, reloadable: true)])
    #expect(rows.map(\.value.key) == ["a", "b", "c"] && rows[0].value.source == .state)
    #expect(rows[0].configured?.value == 1 && rows[0].pending?.value == 2)
    #expect(rows[1].pending?.value == .null && rows[2].value.value == .null && rows[2].pending?.value == 3)
    #expect(ConfigPage.rows(values).allSatisfy { $0.pending == nil })
  }
}
