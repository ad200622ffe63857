import AgentCore

/// `encryption.yaml`: what is sealed before it reaches the disk.
package struct EncryptionSettings: Sendable, Hashable {
  /// Members of that name are sealed, wherever a caller, a model or a tool gave them.
  package var sensitiveFields = SensitiveFields.standard
  package init() {}

  /// A list that somebody keeps in mind; each name costs a look at every member of every body.
  static let maximumFields = 64
  /// Longer names are no members of anybody's.
  static let maximumNameBytes = 64

  /// Every key of the file.
  package static let keys: [ConfigKey] = [
    ConfigKey("encryption", .section, .defaults("{}"), "what is encrypted, and how"),
    ConfigKey("encryption.in_transit", .section, .defaults("{}"), "on the way; this build serves no TLS yet"),
    ConfigKey(
      "encryption.in_transit.tls_version", .choice(["1.2", "1.3"]), .defaults("1.2"),
      "the oldest version of TLS that will be served"),
    ConfigKey("encryption.at_rest", .section, .defaults("{}"), "on the disk"),
    ConfigKey(
      "encryption.at_rest.algorithm", .choice(["AES-256-GCM"]), .defaults("AES-256-GCM"),
      "what seals the values of sensitive fields, and the keys"),
    ConfigKey(
      "encryption.at_rest.seal_content", .choice(["false", "true"]), .defaults("false"),
      "whether tasks are sealed as a whole; this build has `false` alone"),
    ConfigKey(
      "encryption.sensitive_fields", .list(maximumCount: maximumFields), .defaults("[api_key, password, token]"),
      "members of that name, at any depth of what callers, models and tools give, are sealed before disk, log and event, "
        + "and shown as `[sealed]`; upper case, `-` and `_` make no difference; a longer list seals old rows too, and "
        + "counts for running tasks from their next step on; a shorter one opens none"
    ).reloadable,
  ]

  /// Reads the file's root; a bad value keeps its default and leaves an issue.
  static func read(_ root: YAMLNode?, log: inout IssueLog) -> (EncryptionSettings, [ConfigValue]) {
    var reader = ConfigReader(keys: keys, log: log, recordingAs: "encryption.yaml")
    var settings = EncryptionSettings()
    let top = reader.top(root)
    if let section = reader.section("encryption", in: top) {
      if let transit = reader.section("in_transit", in: section) { _ = reader.text("tls_version", in: transit) }
      if let rest = reader.section("at_rest", in: section) { readAtRest(rest, &reader) }
      if let names = reader.texts("sensitive_fields", in: section) {
        settings.sensitiveFields = SensitiveFields(names.compactMap { name in fieldName(name, section, &reader) })
      }
    }
    log = reader.log
    return (settings, reader.values)
  }

  private static func readAtRest(_ section: ConfigReader.Section, _ reader: inout ConfigReader) {
    _ = reader.text("algorithm", in: section)
    guard let choice = reader.text("seal_content", in: section), choice.value == "true" else { return }
    reader.log.add(
      .notSupported, choice.mark,
      "this build does not support '\(section.shown).seal_content: true' (sealing tasks as a whole)")
  }

  private static func fieldName(
    _ name: Placed<String>, _ section: ConfigReader.Section, _ reader: inout ConfigReader
  ) -> String? {
    let shown = "'\(section.shown).sensitive_fields'"
    guard name.value.contains(where: { $0 != "-" && $0 != "_" && !$0.isWhitespace }) else {
      reader.log.add(.invalid, name.mark, "\(shown): '\(name.shown)' is no member's name")
      return nil
    }
    guard name.value.utf8.count <= maximumNameBytes else {
      reader.log.add(
        .invalid, name.mark, "\(shown): a name has \(name.value.utf8.count) bytes; \(maximumNameBytes) is the most")
      return nil
    }
    return name.value
  }
}
