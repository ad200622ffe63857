import AgentCore

/// Reads one file's nodes against the declared keys, collecting every issue on the way. A getter returns nil for an
/// absent key (the caller keeps its default) and for a bad one (an issue stands, so that the load fails).
struct ConfigReader {
  /// The file's whole table.
  let keys: [ConfigKey]
  var log: IssueLog
  /// Every key with its value, in the order of the table; empty where nobody asks for it.
  private(set) var values: [ConfigValue] = []
  /// The file's name, under which values are noted; nil: they are not.
  private let name: String?
  /// What is read stands in the program and in no file.
  private let isBuiltIn: Bool

  init(keys: [ConfigKey], log: IssueLog, recordingAs name: String? = nil, isBuiltIn: Bool = false) {
    (self.keys, self.log, self.name, self.isBuiltIn) = (keys, log, name, isBuiltIn)
  }

  /// A mapping whose keys were checked against the table: unknown and unsupported ones are reported and left out.
  struct Section {
    /// As declared: `agents.*.limits`.
    var path: String
    /// As written: `agents.coder.limits`.
    var shown: String
    var mark: SourceMark
    var entries: [String: YAMLNode.Entry]
    /// False where some entry was reported and left out: that one may have been what now seems to be missing.
    var isWhole = true
    /// Nothing stood there, or null.
    var isEmpty = false
  }

  // MARK: Sections

  /// The file's top. An empty file is an empty section.
  mutating func top(_ root: YAMLNode?) -> Section {
    guard let root, !root.isNull else {
      noteDefaults(below: "", shown: "")
      return Section(path: "", shown: "", mark: .start, entries: [:], isEmpty: true)
    }
    return section(root, path: "", shown: "")
      ?? Section(path: "", shown: "", mark: root.mark, entries: [:])
  }

  mutating func section(_ name: String, in parent: Section) -> Section? {
    guard let (entry, _) = value(name, in: parent) else { return nil }
    return section(entry.value, path: Self.join(parent.path, name), shown: Self.join(parent.shown, name))
  }

  /// The entries of a `named` key in the order of the file, bad names reported and left out.
  mutating func named(_ name: String, in parent: Section) -> [(name: String, mark: SourceMark, section: Section)] {
    guard let (entry, key) = value(name, in: parent) else { return [] }
    guard case .named(let maximum) = key.type else { preconditionFailure("'\(key.path)' is not declared as named") }
    let shown = Self.join(parent.shown, name)
    return entries(of: entry, shown, atMost: maximum, "a mapping from names").compactMap { item in
      guard isName(item, in: shown) else { return nil }
      let path = Self.join(Self.join(parent.path, name), "*")
      guard let section = section(item.value, path: path, shown: Self.join(shown, item.key)) else { return nil }
      return (item.key, item.keyMark, section)
    }
  }

  /// The entries of a mapping, in the order of the file; none, and a report, where it is none or has too many.
  mutating func entries(
    of entry: YAMLNode.Entry, _ shown: String, atMost maximum: Int, _ wanted: String
  ) -> [YAMLNode.Entry] {
    guard case .mapping(let entries) = entry.value.content else {
      wrongType(entry.value, shown, wanted)
      return []
    }
    guard entries.count <= maximum else {
      log.add(.invalid, entry.keyMark, "'\(shown)' has \(entries.count) entries; \(maximum) is the most")
      return []
    }
    return entries
  }

  /// Whether the entry's key is a name that a file may choose; reports one that is none.
  mutating func isName(_ item: YAMLNode.Entry, in shown: String) -> Bool {
    if ConfigName.isValid(item.key) { return true }
    let text = KeyText(item.key)
    log.add(
      .invalid, item.keyMark, "'\(text.shown)' is no name" + (text.hasColon ? text.hint : ": \(ConfigName.rule)"))
    return false
  }

  /// A file that exists is the whole list: reports one that names nothing under the key. `without`: what holds where
  /// there is no such file.
  mutating func requireEntries(_ name: String, in top: Section, without: String) {
    let entry = top.entries[name]
    switch entry?.value.content {
    case .mapping(let entries)? where entries.isEmpty: break
    case nil where top.isEmpty: break
    default: return
    }
    log.add(
      .invalid, entry?.keyMark ?? top.mark,
      "'\(name)' must be given and name one at least: this file is the whole list; without the file \(without)")
  }

  /// The sections of a list.
  mutating func sections(_ name: String, in parent: Section) -> [Section] {
    guard let (entry, key) = value(name, in: parent) else { return [] }
    guard case .sections(let maximum) = key.type else { preconditionFailure("'\(key.path)' is not a list of sections") }
    let shown = Self.join(parent.shown, name)
    guard case .sequence(let items) = entry.value.content else {
      wrongType(entry.value, shown, "a list")
      return []
    }
    guard items.count <= maximum else {
      log.add(.invalid, entry.keyMark, "'\(shown)' has \(items.count) entries; \(maximum) is the most")
      return []
    }
    let path = Self.join(Self.join(parent.path, name), "*")
    return items.enumerated().compactMap { section($1, path: path, shown: "\(shown)[\($0)]") }
  }

  private mutating func section(_ node: YAMLNode, path: String, shown: String) -> Section? {
    guard case .mapping(let entries) = node.content else {
      wrongType(node, shown, "a mapping")
      return nil
    }
    let declared = keys.filter { $0.parent == path }
    var known: [String: YAMLNode.Entry] = [:]
    var meant: Set<String> = []
    for entry in entries {
      let name = Self.join(shown, entry.key)
      guard let key = declared.first(where: { $0.name == entry.key }) else {
        if let near = reportUnknown(entry, in: shown, declared: declared) { meant.insert(near) }
        continue
      }
      if key.need == .notSupported {
        log.add(.notSupported, entry.keyMark, "this build does not support '\(name)' (\(key.meaning))")
        continue
      }
      known[entry.key] = entry
    }
    note(known, declared, shown)
    // One that is misspelt is not missing too.
    let missing = declared.map(\.name).filter { name in
      known[name] == nil && !meant.contains(name) && declared.contains { $0.name == name && $0.need == .required }
    }
    if !missing.isEmpty {
      let names = missing.map { "'\(Self.join(shown, $0))'" }.joined(separator: ", ")
      log.add(.invalid, node.mark, "\(names) must be given")
    }
    return Section(
      path: path, shown: shown, mark: node.mark, entries: known, isWhole: known.count == entries.count)
  }

  /// Gives the declared key that was meant, if one is near.
  private mutating func reportUnknown(
    _ entry: YAMLNode.Entry, in shown: String, declared: [ConfigKey]
  ) -> String? {
    let text = KeyText(entry.key)
    let near = NearestName.of(text.shown, among: declared.map(\.name))
    // A key that belongs one level up or down: `level` at the top is `log.level`.
    let elsewhere = near == nil ? keys.first { $0.name == text.shown }?.path : nil
    let isRight = text.hasColon && near == text.shown
    let hint = isRight ? "" : (near ?? elsewhere).map { "; did you mean '\($0)'?" } ?? ""
    log.add(.invalid, entry.keyMark, "unknown key '\(Self.join(shown, text.shown))'\(text.hint)\(hint)")
    return near
  }

  // MARK: Shared by the getters

  /// The key's value and declaration; nil where the file has none, or null where null is allowed.
  mutating func value(_ name: String, in section: Section) -> (entry: YAMLNode.Entry, key: ConfigKey)? {
    let path = Self.join(section.path, name)
    guard let key = keys.first(where: { $0.path == path }) else { preconditionFailure("'\(path)' is not declared") }
    guard let entry = section.entries[name], !entry.value.isBroken else { return nil }
    if entry.value.isNull {
      if key.need != .nullable { log.add(.invalid, entry.keyMark, "'\(Self.join(section.shown, name))' has no value") }
      return nil
    }
    return (entry, key)
  }

  mutating func wrongType(_ node: YAMLNode, _ shown: String, _ wanted: String) {
    if node.isBroken { return }
    let name = shown.isEmpty ? "the file" : "'\(shown)'"
    log.add(.invalid, node.mark, "\(name) must be \(wanted), not \(node.typeName)")
  }

  // MARK: What `config show` lists

  private mutating func note(_ entries: [String: YAMLNode.Entry], _ declared: [ConfigKey], _ shown: String) {
    guard name != nil else { return }
    for key in declared where key.need != .notSupported {
      let path = Self.join(shown, key.name)
      guard let entry = entries[key.name], !entry.value.isNull else {
        noteDefault(key, path)
        continue
      }
      if !key.isContainer { note(entry, key, path) }
    }
  }

  private mutating func note(_ entry: YAMLNode.Entry, _ key: ConfigKey, _ shown: String) {
    let (node, source) = (entry.value, source(of: entry.value))
    switch (key.type, node.content) {
    case (.secret, .scalar(let text, _)): add(key, shown, .string(Secret.placeholder), source, Secret(text))
    case (.secret, _): break
    case (.secrets, .mapping(let entries)):
      if entries.isEmpty { add(key, shown, .object([:]), source) }
      for entry in entries {
        guard case .scalar(let text, _) = entry.value.content else { continue }
        let place = self.source(of: entry.value)
        add(key, Self.join(shown, entry.key), .string(Secret.placeholder), place, Secret(text))
      }
    case (.secrets, _), (.lists, _): break
    default:
      add(key, shown, ShownValue.of(node, as: key.type), source, ShownValue.hidden(in: node, as: key.type))
    }
  }

  func source(of node: YAMLNode) -> ConfigValue.Source {
    isBuiltIn ? .builtIn : .file(log.file, line: node.mark.line, variables: node.allVariables)
  }

  private mutating func noteDefaults(below path: String, shown: String) {
    guard name != nil else { return }
    for key in keys where key.parent == path && key.need != .notSupported {
      noteDefault(key, Self.join(shown, key.name))
    }
  }

  private mutating func noteDefault(_ key: ConfigKey, _ shown: String) {
    switch (key.type, key.need) {
    case (.section, .defaults): noteDefaults(below: key.path, shown: shown)
    case (.section, _), (.named, _), (.sections, _), (.lists, _): break
    case (_, .defaults(let text)): add(key, shown, ShownValue.of(text, as: key.type), .builtIn)
    case (_, .nullable): add(key, shown, .null, .builtIn)
    case (_, .required), (_, .notSupported): break
    }
  }

  private mutating func add(
    _ key: ConfigKey, _ shown: String, _ value: JSONValue, _ source: ConfigValue.Source, _ secret: Secret? = nil
  ) {
    guard let name else { return }
    values.append(
      ConfigValue(
        file: name, key: shown, value: value, source: source, isReloadable: key.isReloadable, secret: secret))
  }

  /// Lists the key no more: it has no meaning here.
  mutating func forget(_ name: String, in section: Section) {
    let path = Self.join(section.shown, name)
    values.removeAll { $0.key == path }
  }

  /// What an absent key comes to where no fixed text says it.
  mutating func noteDefault(_ name: String, in section: Section, _ value: JSONValue) {
    guard section.entries[name].map(\.value.isNull) ?? true else { return }
    noteValue(name, in: section, value, .builtIn)
  }

  /// What a feature makes of a key whose value stands elsewhere.
  mutating func noteValue(_ name: String, in section: Section, _ value: JSONValue, _ source: ConfigValue.Source) {
    let path = Self.join(section.shown, name)
    guard let index = values.lastIndex(where: { $0.key == path }) else { return }
    (values[index].value, values[index].source) = (value, source)
  }

  /// The same for a secret; nil: there is none.
  mutating func noteSecret(_ name: String, in section: Section, _ secret: Secret, _ source: ConfigValue.Source) {
    noteValue(name, in: section, .string(Secret.placeholder), source)
    let path = Self.join(section.shown, name)
    guard let index = values.lastIndex(where: { $0.key == path }) else { return }
    values[index].secret = secret
  }

  /// Of a key whose value names a file: what that holds.
  mutating func noteContent(_ name: String, in section: Section, _ content: String) {
    let path = Self.join(section.shown, name)
    guard let index = values.lastIndex(where: { $0.key == path }) else { return }
    values[index].content = content
  }

  static func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}
