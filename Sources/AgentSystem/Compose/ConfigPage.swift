import AgentConfig
import AgentCore

/// The answers of `config show` and `config check`, the running service's and the offline ones alike.
enum ConfigPage {
  struct Row: Sendable {
    var value: ConfigValue
    /// What the files say where the API says otherwise.
    var configured: ConfigValue?
    /// What the files say by now, where that is something else.
    var pending: ConfigValue?
  }

  /// `state` stands above `values`; `pending` is the same list as the files are now, nil where they cannot be taken.
  static func rows(_ values: [ConfigValue], state: [ConfigValue] = [], pending: [ConfigValue]? = nil) -> [Row] {
    func name(_ value: ConfigValue) -> String { "\(value.file) \(value.key)" }
    let changed = Dictionary(state.map { (name($0), $0) }, uniquingKeysWith: { _, last in last })
    let later = pending.map { Dictionary($0.map { (name($0), $0) }, uniquingKeysWith: { _, last in last }) }
    let known = Set(values.map(name))
    var rows = values.map { value in
      var row = Row(value: value)
      if let state = changed[name(value)] { (row.value, row.configured) = (state, value) }
      if let later {
        // A key that is gone with its section.
        let next = later[name(value)] ?? ConfigValue(file: value.file, key: value.key, value: .null, source: .builtIn)
        if !next.means(value) { row.pending = next }
      }
      return row
    }
    rows += state.filter { !known.contains(name($0)) }.map { Row(value: $0) }
    for value in pending ?? [] where !known.contains(name(value)) {
      let nothing = ConfigValue(
        file: value.file, key: value.key, value: .null, source: .builtIn, isReloadable: value.isReloadable)
      rows.append(Row(value: nothing, pending: value))
    }
    return rows
  }

  static func json(_ rows: [Row], folder: String?, readBy: String, issues: [ConfigIssue] = []) -> JSONValue {
    var members: [String: JSONValue] = [
      "data": .array(rows.map(json)), "next_cursor": .null, "folder": JSONValue(folder), "read_by": .string(readBy),
    ]
    if !issues.isEmpty { members["issues"] = .array(issues.map(\.json)) }
    return .object(members)
  }

  private static func json(_ row: Row) -> JSONValue {
    var members: [String: JSONValue] = [
      "file": .string(row.value.file), "key": .string(row.value.key), "value": row.value.value,
      "source": .string(row.value.source.word), "from": JSONValue(row.value.source.place),
      "reloadable": .bool(row.value.isReloadable),
    ]
    if let note = row.value.note { members["note"] = .string(note) }
    if let configured = row.configured { members["configured"] = configured.value }
    if let pending = row.pending {
      members["pending"] = [
        "value": pending.value, "source": .string(pending.source.word), "from": JSONValue(pending.source.place),
      ]
    }
    return .object(members)
  }

  /// `{"ok":false,"checked_by":"service","folder":…,"issues":[…],"warnings":[…],"notes":[…]}`
  static func check(_ source: ConfigurationSource, by reader: String) -> JSONValue {
    var (issues, warnings, notes): ([ConfigIssue], [ConfigIssue], [ConfigIssue]) = ([], [], [])
    do throws(ConfigError) {
      let loaded = try source.load()
      (warnings, notes) = (loaded.warnings, loaded.notes)
    } catch {
      issues = error.issues
    }
    return [
      "ok": .bool(issues.isEmpty), "checked_by": .string(reader), "folder": JSONValue(source.folder),
      "issues": .array(issues.map(\.json)), "warnings": .array(warnings.map(\.json)),
      "notes": .array(notes.map(\.json)),
    ]
  }
}
