import AgentCore

/// Values as JSON, for `config show`.
enum ShownValue {
  /// A default, or a scalar, as one would write it.
  static func of(_ text: String, as type: ConfigKey.ValueType) -> JSONValue {
    switch type {
    case .integer: return DecimalText.integer(text).map(JSONValue.integer) ?? .string(text)
    case .number: return DecimalText.number(text).map(JSONValue.double) ?? .string(text)
    case .list where text.hasPrefix("[") && text.hasSuffix("]"):
      // A default as one would write it: plain words.
      let words = text.dropFirst().dropLast().split(separator: ",")
      return .array(words.map { .string(String($0.trimmingPrefix(" "))) })
    case .json where text == "{}": return .object([:])
    default: return .string(text == "''" ? "" : masked(text))
    }
  }

  static func of(_ node: YAMLNode, as type: ConfigKey.ValueType) -> JSONValue {
    switch node.content {
    case .scalar(let text, let isPlain):
      guard case .json = type else { return of(text, as: type) }
      // No key says what it is: a variable may hold a secret.
      return node.variables.isEmpty ? json(text, isPlain: isPlain) : .string(Secret.placeholder)
    case .sequence(let items): return .array(items.map { of($0, as: item(type)) })
    case .mapping(let entries):
      return .object(
        Dictionary(entries.map { ($0.key, of($0.value, as: type)) }, uniquingKeysWith: { _, last in last }))
    case .broken: return .null
    }
  }

  /// The whole of a value that `of` shows in part, so that a changed one is told; nil: all of it is shown.
  static func hidden(in node: YAMLNode, as type: ConfigKey.ValueType) -> Secret? {
    if case .json = type {
      let texts = variableTexts(in: node)
      return texts.isEmpty ? nil : Secret(texts.joined(separator: "\n"))
    }
    guard case .scalar(let text, _) = node.content, masked(text) != text else { return nil }
    return Secret(text)
  }

  private static func variableTexts(in node: YAMLNode) -> [String] {
    switch node.content {
    case .scalar(let text, _): node.variables.isEmpty ? [] : [text]
    case .sequence(let items): items.flatMap(variableTexts)
    case .mapping(let entries): entries.flatMap { variableTexts(in: $0.value) }
    case .broken: []
    }
  }

  private static func item(_ type: ConfigKey.ValueType) -> ConfigKey.ValueType {
    if case .json = type { return .json }
    return .text(maximumBytes: 0)
  }

  private static func json(_ text: String, isPlain: Bool) -> JSONValue {
    guard isPlain else { return .string(text) }
    switch PlainScalar(text) {
    case .null: return .null
    case .flag(let flag): return .bool(flag)
    case .integer(let number): return .integer(number)
    case .number(let number): return .double(number)
    case .text, .ambiguous: return .string(text)
    }
  }

  /// A URL without its user-info, which is a credential; every other text as it is.
  static func masked(_ text: String) -> String {
    guard let scheme = text.firstRange(of: /^[A-Za-z][A-Za-z0-9+.-]*:\/\//) else { return text }
    let rest = text[scheme.upperBound...]
    let authority = rest.prefix { !"/?#".contains($0) }
    guard let at = authority.lastIndex(of: "@") else { return text }
    return text[..<scheme.upperBound] + Secret.placeholder + rest[at...]
  }
}

/// Numbers as configuration reads them: decimal digits, whatever quotes stand around them.
enum DecimalText {
  /// `10`, `-3`, and `010` is 10; nil for everything else.
  static func integer(_ text: String) -> Int64? {
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return Int64(text)
  }

  /// `1`, `0.5`, `1e-3`; nil for everything else and for what no double holds.
  static func number(_ text: String) -> Double? {
    guard text.wholeMatch(of: /-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?/) != nil, let number = Double(text),
      number.isFinite
    else { return nil }
    return number
  }
}
