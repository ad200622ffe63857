import AgentCore

/// Whether a schema may be sent as `strict`: every object names all its members as required and no others may come.
enum StrictSchema {
  static func meets(_ schema: JSONValue) -> Bool { schema["type"] == "object" && meets(schema, depth: 0) }

  private static func meets(_ schema: JSONValue, depth: Int) -> Bool {
    guard case .object(let members) = schema, depth < JSONValue.maximumDepth else { return false }
    guard Set(members.keys).isSubset(of: allowed) else { return false }
    if members["properties"] != nil || members["type"] == "object" {
      guard let properties = members["properties"]?.objectValue, members["additionalProperties"] == false else {
        return false
      }
      let required = Set(members["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
      guard required == Set(properties.keys) else { return false }
    }
    return inner(members).allSatisfy { meets($0, depth: depth + 1) }
  }

  private static func inner(_ members: [String: JSONValue]) -> [JSONValue] {
    var inner: [JSONValue] = []
    for name in ["properties", "$defs"] { inner += (members[name]?.objectValue ?? [:]).values }
    inner += members["anyOf"]?.arrayValue ?? []
    if let items = members["items"] { inner.append(items) }
    return inner
  }

  private static let allowed: Set<String> = [
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs",
    "title", "description", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems",
    "maxItems", "format", "pattern",
  ]
}
