extension JSONSchema {
  /// Whether OpenAI's `strict: true` takes this schema as it stands (platform.openai.com, "Structured outputs",
  /// supported schemas): an object at the top, in each object every property required and no other member allowed,
  /// and of the keywords only those that every strict server knows. A server that is asked for more refuses the call.
  package static func meetsStrictRules(_ schema: JSONValue) -> Bool {
    schema["type"] == "object" && schema["anyOf"] == nil && isStrict(schema, depth: 1)
  }

  private static let strictKeywords: Set<String> = [
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs",
    "title", "description",
  ]
  /// The depth that all versions of the rule allow.
  private static let strictDepth = 5

  private static func isStrict(_ schema: JSONValue, depth: Int) -> Bool {
    guard let members = schema.objectValue, strictKeywords.isSuperset(of: members.keys) else { return false }
    let properties = members["properties"]?.objectValue ?? [:]
    if members["type"] == "object" || !properties.isEmpty {
      let required = Set((members["required"]?.arrayValue ?? []).compactMap(\.stringValue))
      guard depth <= strictDepth, members["additionalProperties"] == .bool(false), required == Set(properties.keys)
      else { return false }
    } else if members["additionalProperties"] != nil {
      return false
    }
    let inner = Array(properties.values) + [members["items"]].compactMap(\.self)
    let beside = (members["anyOf"]?.arrayValue ?? []) + Array((members["$defs"]?.objectValue ?? [:]).values)
    return inner.allSatisfy { isStrict($0, depth: depth + 1) } && beside.allSatisfy { isStrict($0, depth: depth) }
  }
}
