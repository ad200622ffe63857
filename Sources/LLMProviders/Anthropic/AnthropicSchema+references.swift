import AgentCore

/// References as Anthropic's structured outputs take them.
extension AnthropicSchema {
  /// Only to the schema's own definitions, of which none may lead back to itself; anything else is refused with a 400.
  static func hasSendableReferences(_ schema: JSONValue) -> Bool {
    var left: [String: Set<String>] = [:]
    for place in ["$defs", "definitions"] {
      for (name, definition) in schema[place]?.objectValue ?? [:] {
        left["#/\(place)/\(name)"] = references(in: definition)
      }
    }
    guard references(in: schema).isSubset(of: left.keys) else { return false }
    // What refers to nothing that is left is no part of a circle.
    while let leaf = left.first(where: { $0.value.isDisjoint(with: left.keys) })?.key { left[leaf] = nil }
    return left.isEmpty
  }

  private static func references(in value: JSONValue) -> Set<String> {
    switch value {
    case .object(let members):
      members.values.reduce(into: Set([members["$ref"]?.stringValue].compactMap(\.self))) {
        $0.formUnion(references(in: $1))
      }
    case .array(let items): items.reduce(into: []) { $0.formUnion(references(in: $1)) }
    default: []
    }
  }
}
