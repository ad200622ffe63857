import AgentCore
import GRDB

/// State that the API changed and configuration would have decided: table `setting`, one row a name.
extension SQLiteTaskStore: SettingStore {
  package func settings() async throws(StoreError) -> [StoredSetting] {
    try await file.read { db in
      // A handful: each name is one that the program knows.
      try db.rows("SELECT name, value, file_value FROM setting ORDER BY name").map {
        StoredSetting(name: $0[0], value: $0[1], fileValue: $0[2])
      }
    }
  }

  package func set(_ setting: StoredSetting, by principal: Principal) async throws(StoreError) {
    try await file.write(.essential) { [names] context in
      let actor = try Actor(principal, in: context, names)
      try context.db.run(
        """
        INSERT INTO setting (name, value, file_value, changed, actor) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value, file_value = excluded.file_value,
          changed = excluded.changed, actor = excluded.actor
        """, [setting.name, setting.value, setting.fileValue, context.now.milliseconds, actor.number])
    }
  }

  package func dropSetting(_ name: String, by principal: Principal) async throws(StoreError) -> Bool {
    try await file.write(.essential) { context in
      try context.db.run("DELETE FROM setting WHERE name = ?", [name])
      return context.db.changesCount > 0
    }
  }
}
