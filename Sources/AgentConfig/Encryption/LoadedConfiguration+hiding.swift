import AgentCore

extension LoadedConfiguration {
  /// What `sensitive_fields` names is not shown, wherever it stands in the settings of providers and agents. A key that
  /// never shows its value says so already.
  mutating func hideSensitive() {
    let fields = encryption.sensitiveFields
    for index in values.indices where ["providers.yaml", "agents.yaml"].contains(values[index].file) {
      values[index].hide(fields)
    }
  }
}

extension ConfigValue {
  fileprivate mutating func hide(_ fields: SensitiveFields) {
    if secret != nil, value == .string(Secret.placeholder) {
      // One of `headers` or `query`: the file chose its name.
      let name = key.split(separator: ".").last.map(String.init) ?? ""
      if Self.isChosen(key), fields.contains(name) { value = .string(SealedMember.placeholder) }
      return
    }
    let masked = value.masked(fields)
    guard masked != value else { return }
    // A changed one is to be told from the same one.
    let clear = value.sensitiveMembers(fields).map { "\($0.pointer) \($0.value.text)" }
    secret = Secret(([secret?.reveal()].compactMap(\.self) + clear).joined(separator: "\n"))
    value = masked
  }

  private static func isChosen(_ key: String) -> Bool {
    let parts = key.split(separator: ".").dropLast()
    return parts.last == "headers" || parts.last == "query"
  }
}
