import AgentConfig
import AgentCore

/// What lies between the configuration in force and the one that was just read.
struct ConfigurationChange: Sendable {
  /// Keys that the reload puts in force: `agents.yaml agents.coder.limits.steps`.
  let applied: [String]
  /// Keys that only a restart does.
  let held: [String]
  /// What is in force afterwards.
  let merged: LoadedConfiguration

  init(from old: LoadedConfiguration, to new: LoadedConfiguration) {
    var merged = new
    merged.server = old.server
    merged.server.log.level = new.server.log.level
    let before = Self.byKey(old.values)
    let after = Self.byKey(new.values)
    var (applied, held, values): ([String], [String], [ConfigValue]) = ([], [], [])
    for value in new.values {
      let name = Self.name(value)
      let was = before[name]
      if was.map({ !$0.means(value) }) ?? true {
        if value.isReloadable { applied.append(name) } else { held.append(name) }
      }
      values.append(value.isReloadable ? value : was ?? value)
    }
    applied += old.values.map(Self.name).filter { after[$0] == nil }
    merged.values = values
    (self.applied, self.held, self.merged) = (applied, held, merged)
  }

  private static func name(_ value: ConfigValue) -> String { "\(value.file) \(value.key)" }

  private static func byKey(_ values: [ConfigValue]) -> [String: ConfigValue] {
    Dictionary(values.map { (name($0), $0) }, uniquingKeysWith: { _, last in last })
  }

  /// For the log and for people.
  var sentence: String {
    let what = applied.isEmpty ? "reloaded: nothing has changed" : "reloaded: \(applied.count) changed"
    let rest = held.isEmpty ? "" : "; \(held.count) wait for a restart"
    return what + rest + "; the environment's variables are those of the start, a restart reads them anew"
  }

  var json: JSONValue {
    [
      "changed": .array(applied.map(JSONValue.string)), "needs_restart": .array(held.map(JSONValue.string)),
      "detail": .string(sentence),
    ]
  }
}
