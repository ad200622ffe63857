/// Something that the API changed and configuration would have decided: it wins until the file's own value changes.
package struct StoredSetting: Sendable, Hashable {
  /// `default_provider`.
  package var name: String
  package var value: String
  /// What the file said, after expansion, when this was set; nil: nothing.
  package var fileValue: String?
  package init(name: String, value: String, fileValue: String?) {
    (self.name, self.value, self.fileValue) = (name, value, fileValue)
  }
}

/// Stored state of that kind, one value a name.
package protocol SettingStore: Sendable {
  func settings() async throws(StoreError) -> [StoredSetting]
  /// Durable when it returns.
  func set(_ setting: StoredSetting, by principal: Principal) async throws(StoreError)
  /// False when there was none of that name.
  func dropSetting(_ name: String, by principal: Principal) async throws(StoreError) -> Bool
}
