/// Keys of a file as messages show them. Where the space after a key's colon is missing, its value is part of the key,
/// and may be a secret.
struct KeyText {
  /// Up to the first colon.
  let shown: String
  let hasColon: Bool

  init(_ key: String) {
    let colon = key.firstIndex(of: ":")
    (shown, hasColon) = (String(key[..<(colon ?? key.endIndex)]), colon != nil)
  }

  /// Whether the entry is `key:value` in one piece, with nothing behind it.
  static func lacksSpace(_ entry: YAMLNode.Entry) -> Bool {
    guard entry.key.contains(":"), case .scalar("", isPlain: true) = entry.value.content else { return false }
    return entry.value.variables.isEmpty
  }

  /// For a message.
  var hint: String { hasColon ? "; a space is missing after '\(shown):'" : "" }
}
