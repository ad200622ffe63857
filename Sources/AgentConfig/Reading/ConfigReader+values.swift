import AgentCore

/// A value and where it stands, for checks that come later.
struct Placed<Value: Sendable>: Sendable {
  var value: Value
  var mark: SourceMark
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
    guard items.count <= maximum else {
      log.add(.invalid, entry.keyMark, "'\(shown)' has \(items.count) entries; \(maximum) is the most")
      return nil
    }
    var seen: Set<String> = []
    return items.enumerated().compactMap { index, item in
      guard let text = text(item, "\(shown)[\(index)]", maximumBytes: Self.maximumItemBytes) else { return nil }
      guard seen.insert(text.value).inserted else {
        log.add(.invalid, item.mark, "'\(text.value)' stands twice in '\(shown)'")
        return nil
      }
      return text
    }
  }

  mutating func integer(_ name: String, in section: Section) -> Int64? {
    guard let (entry, key) = value(name, in: section) else { return nil }
    let shown = Self.join(section.shown, name)
    guard case .integer(let range) = key.type else { preconditionFailure("'\(key.path)' is not an integer") }
    guard let scalar = scalar(entry.value, shown, "a whole number"), case .integer(let number) = scalar.plain else {
      return nil
    }
    guard range.contains(number) else {
      return outOfRange(entry.value, shown, "\(number)", "\(range.lowerBound)", "\(range.upperBound)")
    }
    return number
  }

  mutating func number(_ name: String, in section: Section) -> Double? {
    guard let (entry, key) = value(name, in: section) else { return nil }
    let shown = Self.join(section.shown, name)
    guard case .number(let range) = key.type else { preconditionFailure("'\(key.path)' is not a number") }
    let number: Double
    switch scalar(entry.value, shown, "a number")?.plain {
    case .integer(let whole): number = Double(whole)
    case .number(let value): number = value
    default: return nil
    }
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
    guard let scalar = scalar(entry.value, shown, wanted) else { return nil }
    let read: Duration? =
      switch scalar.plain {
      case .integer(let seconds): QuantityText.duration(seconds: Double(seconds))
      case .number(let seconds): QuantityText.duration(seconds: seconds)
      default: QuantityText.duration(scalar.text)
      }
    guard let read else { return invalid(entry.value, shown, scalar.text, wanted) }
    guard range.contains(read) else {
      let (low, high) = (QuantityText.text(range.lowerBound), QuantityText.text(range.upperBound))
      return outOfRange(entry.value, shown, scalar.text, low, high)
    }
    return read
  }

  /// Bytes.
  mutating func size(_ name: String, in section: Section) -> Int64? {
    guard let (entry, key) = value(name, in: section) else { return nil }
    let shown = Self.join(section.shown, name)
    guard case .size(let range) = key.type else { preconditionFailure("'\(key.path)' is not a size") }
    let wanted = "a size (64KiB, 10MB, or a number of bytes)"
    guard let scalar = scalar(entry.value, shown, wanted) else { return nil }
    var read = QuantityText.size(scalar.text)
    if case .integer(let bytes) = scalar.plain { read = bytes }
    guard let read else { return invalid(entry.value, shown, scalar.text, wanted) }
    guard range.contains(read) else {
      let (low, high) = (QuantityText.text(bytes: range.lowerBound), QuantityText.text(bytes: range.upperBound))
      return outOfRange(entry.value, shown, scalar.text, low, high)
    }
    return read
  }

  /// A mapping as a JSON object, unquoted scalars by the core schema.
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
        Dictionary(entries.map { ($0.key, json($0.value, Self.join(shown, $0.key))) }, uniquingKeysWith: { $1 }))
    case .broken: return .null
    case .scalar(let text, isPlain: false): return .string(text)
    case .scalar(let text, isPlain: true):
      switch PlainScalar(text) {
      case .null: return .null
      case .flag(let flag): return .bool(flag)
      case .integer(let number): return .integer(number)
      case .number(let number): return .double(number)
      case .text: return .string(text)
      case .ambiguous(let reason):
        log.add(.invalid, node.mark, "'\(shown)': \(reason); write it in quotes, or as JSON would")
        return .null
      }
    }
  }

  // MARK: Scalars

  /// One entry of a list: a path, a host, a tool's name.
  private static let maximumItemBytes = 4096

  mutating func text(_ node: YAMLNode, _ shown: String, maximumBytes: Int) -> Placed<String>? {
    guard case .scalar(let text, let isPlain) = node.content else {
      wrongType(node, shown, "text")
      return nil
    }
    // Instructions are prose for a model: `${` in them is the author's.
    if !shown.hasSuffix(".instructions"), refusesDollar(text, at: node.mark, shown) { return nil }
    if isPlain {
      switch PlainScalar(text) {
      case .text: break
      case .ambiguous(let reason):
        log.add(.invalid, node.mark, "'\(shown)' must be text, and \(reason): write it in quotes")
        return nil
      default:
        log.add(.invalid, node.mark, "'\(shown)' must be text, not \(node.typeName): write it in quotes")
        return nil
      }
    }
    guard text.utf8.count <= maximumBytes else {
      log.add(.invalid, node.mark, "'\(shown)' has \(text.utf8.count) bytes; \(maximumBytes) is the most")
      return nil
    }
    return Placed(value: text, mark: node.mark)
  }

  private mutating func choice(_ node: YAMLNode, _ shown: String, _ words: [String]) -> Placed<String>? {
    guard let text = text(node, shown, maximumBytes: Self.maximumItemBytes) else { return nil }
    guard words.contains(text.value) else {
      let hint = NearestName.of(text.value, among: words).map { "; did you mean '\($0)'?" } ?? ""
      log.add(
        .invalid, node.mark, "'\(shown)' is '\(text.value)'; it must be one of \(words.joined(separator: ", "))\(hint)")
      return nil
    }
    return text
  }

  /// Reports lists, mappings, `${…}`, and for whole numbers and numbers everything that is not one.
  private mutating func scalar(
    _ node: YAMLNode, _ shown: String, _ wanted: String
  ) -> (text: String, plain: PlainScalar)? {
    guard case .scalar(let text, let isPlain) = node.content else {
      wrongType(node, shown, wanted)
      return nil
    }
    if refusesDollar(text, at: node.mark, shown) { return nil }
    let plain = isPlain ? PlainScalar(text) : .text
    switch (plain, wanted) {
    case (.ambiguous(let reason), _):
      log.add(.invalid, node.mark, "'\(shown)' must be \(wanted), and \(reason)")
      return nil
    case (.integer, _), (.number, "a number"): break
    case (_, "a whole number"), (_, "a number"), (.flag, _), (.null, _):
      wrongType(node, shown, wanted)
      return nil
    default: break
    }
    return (text, plain)
  }

  private mutating func invalid<Value>(_ node: YAMLNode, _ shown: String, _ text: String, _ wanted: String) -> Value? {
    log.add(.invalid, node.mark, "'\(shown)' is '\(text)'; it must be \(wanted)")
    return nil
  }

  private mutating func outOfRange<Value>(
    _ node: YAMLNode, _ shown: String, _ text: String, _ low: String, _ high: String
  ) -> Value? {
    log.add(.invalid, node.mark, "'\(shown)' is \(text); it must be between \(low) and \(high)")
    return nil
  }
}
