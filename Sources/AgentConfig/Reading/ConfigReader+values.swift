import AgentCore

/// A value and where it stands, for checks that come later.
struct Placed<Value: Sendable>: Sendable {
  var value: Value
  var mark: SourceMark
  /// What stands there, where variables make the value: see `YAMLNode.written`.
  var written: String?
}

extension Placed where Value == String {
  /// The value as a message may quote it.
  var shown: String { written ?? value }
}

extension ConfigReader {
  mutating func text(_ name: String, in section: Section) -> Placed<String>? {
    guard let (entry, key) = value(name, in: section) else { return nil }
    let shown = Self.join(section.shown, name)
    switch key.type {
    case .text(let maximum): return text(entry.value, shown, maximumBytes: maximum)
    case .choice(let words): return choice(entry.value, shown, words)
    default: preconditionFailure("'\(key.path)' is not declared as text")
    }
  }

  /// The entries of a list of texts, or the one text where the key allows that.
  mutating func texts(_ name: String, in section: Section) -> [Placed<String>]? {
    guard let (entry, key) = value(name, in: section) else { return nil }
    let shown = Self.join(section.shown, name)
    let maximum: Int
    switch (key.type, entry.value.content) {
    case (.textOrList, .scalar): return text(entry.value, shown, maximumBytes: Self.maximumItemBytes).map { [$0] }
    case (.list(let count), _), (.textOrList(let count), _): maximum = count
    default: preconditionFailure("'\(key.path)' is not declared as a list")
    }
    guard case .sequence(let items) = entry.value.content else {
      wrongType(entry.value, shown, "a list")
      return nil
    }
    return texts(items, shown, entry.keyMark, maximum: maximum)
  }

  /// Nil where there are too many. Bad entries and repeated ones are reported and left out.
  private mutating func texts(
    _ items: [YAMLNode], _ shown: String, _ mark: SourceMark, maximum: Int
  ) -> [Placed<String>]? {
    guard items.count <= maximum else {
      log.add(.invalid, mark, "'\(shown)' has \(items.count) entries; \(maximum) is the most")
      return nil
    }
    var seen: Set<String> = []
    return items.enumerated().compactMap { index, item in
      guard let text = text(item, "\(shown)[\(index)]", maximumBytes: Self.maximumItemBytes) else { return nil }
      guard seen.insert(text.value).inserted else {
        log.add(.invalid, item.mark, "'\(text.shown)' stands twice in '\(shown)'")
        return nil
      }
      return text
    }
  }

  /// A mapping from names to lists of texts, in the order of the file; bad names are reported and left out.
  mutating func lists(
    _ name: String, in section: Section
  ) -> [(name: Placed<String>, texts: [Placed<String>], source: ConfigValue.Source)] {
    guard let (entry, key) = value(name, in: section) else { return [] }
    guard case .lists(let maximum, let maximumItems) = key.type else {
      preconditionFailure("'\(key.path)' holds no lists")
    }
    let shown = Self.join(section.shown, name)
    return entries(of: entry, shown, atMost: maximum, "a mapping from names to lists").compactMap { item in
      guard isName(item, in: shown) else { return nil }
      let path = Self.join(shown, item.key)
      guard case .sequence(let items) = item.value.content else {
        wrongType(item.value, path, "a list")
        return nil
      }
      return texts(items, path, item.keyMark, maximum: maximumItems).map {
        (Placed(value: item.key, mark: item.keyMark), $0, source(of: item.value))
      }
    }
  }

  /// A text that is never shown.
  mutating func secret(_ name: String, in section: Section) -> Placed<Secret>? {
    guard let (entry, key) = value(name, in: section) else { return nil }
    guard case .secret(let maximum) = key.type else { preconditionFailure("'\(key.path)' is not a secret") }
    return secret(entry.value, Self.join(section.shown, name), maximumBytes: maximum)
  }

  /// A mapping from names to texts that are never shown, in the order of the file.
  mutating func secrets(_ name: String, in section: Section) -> [(name: Placed<String>, value: Secret)] {
    guard let (entry, key) = value(name, in: section) else { return [] }
    guard case .secrets(let maximum) = key.type else { preconditionFailure("'\(key.path)' holds no secrets") }
    let shown = Self.join(section.shown, name)
    return entries(of: entry, shown, atMost: maximum, "a mapping from names to texts").compactMap { item in
      guard !reportMissingSpace(item, in: shown) else { return nil }
      return secret(item.value, Self.join(shown, KeyText(item.key).shown), maximumBytes: Self.maximumItemBytes)
        .map { (Placed(value: item.key, mark: item.keyMark), $0.value) }
    }
  }

  /// `Authorization:Bearer x`, where a mapping from names was meant.
  private mutating func reportMissingSpace(_ entry: YAMLNode.Entry, in shown: String) -> Bool {
    let text = KeyText(entry.key)
    guard KeyText.lacksSpace(entry) || text.hasColon && entry.key.contains(where: \.isWhitespace) else { return false }
    log.add(.invalid, entry.keyMark, "'\(Self.join(shown, text.shown))' has no value\(text.hint)")
    return true
  }

  private mutating func secret(_ node: YAMLNode, _ shown: String, maximumBytes: Int) -> Placed<Secret>? {
    guard let text = text(node, shown, maximumBytes: maximumBytes) else { return nil }
    guard !SecretText.hasControlCharacter(text.value) else {
      log.add(.invalid, text.mark, "'\(shown)' holds a control character (a line break, perhaps)")
      return nil
    }
    return Placed(value: Secret(text.value), mark: text.mark)
  }

  mutating func integer(_ name: String, in section: Section) -> Int64? {
    guard let (entry, key) = value(name, in: section) else { return nil }
    let shown = Self.join(section.shown, name)
    guard case .integer(let range) = key.type else { preconditionFailure("'\(key.path)' is not an integer") }
    guard let text = scalar(entry.value, shown, "a whole number") else { return nil }
    guard let number = DecimalText.integer(text) else { return wrongScalar(entry.value, shown, "a whole number") }
    guard range.contains(number) else {
      return outOfRange(entry.value, shown, "\(number)", "\(range.lowerBound)", "\(range.upperBound)")
    }
    return number
  }

  mutating func number(_ name: String, in section: Section) -> Double? {
    guard let (entry, key) = value(name, in: section) else { return nil }
    let shown = Self.join(section.shown, name)
    guard case .number(let range) = key.type else { preconditionFailure("'\(key.path)' is not a number") }
    guard let text = scalar(entry.value, shown, "a number") else { return nil }
    guard let number = DecimalText.number(text) else { return wrongScalar(entry.value, shown, "a number") }
    guard range.contains(number) else {
      return outOfRange(entry.value, shown, "\(number)", "\(range.lowerBound)", "\(range.upperBound)")
    }
    return number
  }

  mutating func duration(_ name: String, in section: Section) -> Duration? {
    guard let (entry, key) = value(name, in: section) else { return nil }
    let shown = Self.join(section.shown, name)
    guard case .duration(let range) = key.type else { preconditionFailure("'\(key.path)' is not a duration") }
    let wanted = "a duration (500ms, 30s, 15m, 24h, or a number of seconds)"
    guard let text = scalar(entry.value, shown, wanted) else { return nil }
    let read =
      DecimalText.number(text).map { QuantityText.duration(seconds: $0) } ?? QuantityText.duration(text)
    guard let read else { return wrongScalar(entry.value, shown, wanted) }
    guard range.contains(read) else {
      let (low, high) = (QuantityText.text(range.lowerBound), QuantityText.text(range.upperBound))
      return outOfRange(entry.value, shown, text, low, high)
    }
    return read
  }

  /// Bytes.
  mutating func size(_ name: String, in section: Section) -> Int64? {
    guard let (entry, key) = value(name, in: section) else { return nil }
    let shown = Self.join(section.shown, name)
    guard case .size(let range) = key.type else { preconditionFailure("'\(key.path)' is not a size") }
    let wanted = "a size (64KiB, 10MB, or a number of bytes)"
    guard let text = scalar(entry.value, shown, wanted) else { return nil }
    guard let read = DecimalText.integer(text) ?? QuantityText.size(text) else {
      return wrongScalar(entry.value, shown, wanted)
    }
    guard range.contains(read) else {
      let (low, high) = (QuantityText.text(bytes: range.lowerBound), QuantityText.text(bytes: range.upperBound))
      return outOfRange(entry.value, shown, text, low, high)
    }
    return read
  }

  /// A mapping as a JSON object: no key says a member's type, so unquoted scalars have the core schema's.
  mutating func jsonObject(_ name: String, in section: Section) -> JSONValue? {
    guard let (entry, _) = value(name, in: section) else { return nil }
    let shown = Self.join(section.shown, name)
    guard case .mapping = entry.value.content else {
      wrongType(entry.value, shown, "a mapping")
      return nil
    }
    return json(entry.value, shown)
  }

  private mutating func json(_ node: YAMLNode, _ shown: String) -> JSONValue {
    switch node.content {
    case .sequence(let items): return .array(items.map { json($0, shown) })
    case .mapping(let entries):
      return .object(
        Dictionary(
          entries.filter { !KeyText.lacksSpace($0) || !reportMissingSpace($0, in: shown) }
            .map { ($0.key, json($0.value, Self.join(shown, KeyText($0.key).shown))) }, uniquingKeysWith: { $1 }))
    case .broken: return .null
    case .scalar(let text, isPlain: false): return .string(text)
    case .scalar(let text, isPlain: true):
      switch PlainScalar(text) {
      case .null: return .null
      case .flag(let flag): return .bool(flag)
      case .integer(let number): return .integer(number)
      case .number(let number): return .double(number)
      case .text: return .string(text)
      case .ambiguous where !node.variables.isEmpty:
        // Not the value: a variable may hold a secret.
        let names = node.variables.map { "${\($0)}" }.joined(separator: ", ")
        log.add(.invalid, node.mark, "'\(shown)': \(names) comes to no plain text; write the value in quotes")
        return .null
      case .ambiguous(let reason):
        log.add(.invalid, node.mark, "'\(shown)': \(reason); write it in quotes, or as JSON would")
        return .null
      }
    }
  }

  // MARK: Scalars

  /// One entry of a list: a path, a host, a tool's name.
  static let maximumItemBytes = 4096

  /// Whatever the quoting: a text key's `5` is the text `5`.
  mutating func text(_ node: YAMLNode, _ shown: String, maximumBytes: Int) -> Placed<String>? {
    guard case .scalar(let text, let isPlain) = node.content else {
      wrongType(node, shown, "text")
      return nil
    }
    if isPlain, node.variables.isEmpty, text.lowercased() == "null" || node.isNull {
      log.add(.invalid, node.mark, "'\(shown)' must be text, not null: write it in quotes")
      return nil
    }
    guard text.utf8.count <= maximumBytes else {
      log.add(.invalid, node.mark, "'\(shown)' has \(text.utf8.count) bytes; \(maximumBytes) is the most")
      return nil
    }
    return Placed(value: text, mark: node.mark, written: node.written)
  }

  private mutating func choice(_ node: YAMLNode, _ shown: String, _ words: [String]) -> Placed<String>? {
    guard let text = text(node, shown, maximumBytes: Self.maximumItemBytes) else { return nil }
    guard words.contains(text.value) else {
      let hint = NearestName.of(text.value, among: words).map { "; did you mean '\($0)'?" } ?? ""
      log.add(
        .invalid, node.mark, "'\(shown)' is '\(text.shown)'; it must be one of \(words.joined(separator: ", "))\(hint)")
      return nil
    }
    return text
  }

  /// A scalar's text; reports lists, mappings and null.
  private mutating func scalar(_ node: YAMLNode, _ shown: String, _ wanted: String) -> String? {
    guard case .scalar(let text, _) = node.content, !node.isNull else {
      wrongType(node, shown, wanted)
      return nil
    }
    return text
  }

  /// Says what a scalar is that is not what was wanted; what an unquoted one is to other readers of YAML, if that may
  /// be the author's mistake.
  private mutating func wrongScalar<Value>(_ node: YAMLNode, _ shown: String, _ wanted: String) -> Value? {
    guard case .scalar(let text, let isPlain) = node.content else { return nil }
    switch isPlain && node.variables.isEmpty ? PlainScalar(text) : .text {
    case .ambiguous(let reason): log.add(.invalid, node.mark, "'\(shown)' must be \(wanted), and \(reason)")
    case .number where wanted == "a whole number":
      log.add(.invalid, node.mark, "'\(shown)' must be a whole number, written without a point or exponent")
    case .text where wanted.hasSuffix("number"), .flag, .number, .integer, .null: wrongType(node, shown, wanted)
    case .text: log.add(.invalid, node.mark, "'\(shown)' is '\(node.written ?? text)'; it must be \(wanted)")
    }
    return nil
  }

  private mutating func outOfRange<Value>(
    _ node: YAMLNode, _ shown: String, _ text: String, _ low: String, _ high: String
  ) -> Value? {
    log.add(.invalid, node.mark, "'\(shown)' is \(node.written ?? text); it must be between \(low) and \(high)")
    return nil
  }
}
