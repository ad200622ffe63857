import AgentCore

/// Whether a schema may be sent as OpenAI's `strict: true` (platform.openai.com, "Structured outputs", supported
/// schemas): an object at the top; a type on each node, unless it is a reference or a choice of others and nothing
/// besides; in each object every property required and no other member allowed; and of the keywords only those that
/// every strict server knows. A server that is asked for more refuses the call; one that is asked for less is still held
/// to the whole schema by our own check.
enum StrictSchema {
  private static let notes: Set<String> = ["title", "description"]
  private static let keywords = notes.union([
    "type", "properties", "required", "additionalProperties", "items", "enum", "const",
  ])
  private static let types: Set<String> = ["string", "number", "integer", "boolean", "null", "object", "array"]
  /// The depth that all versions of the rule allow.
  private static let maximumDepth = 5

  static func meets(_ schema: JSONValue) -> Bool {
    guard case .object(var root) = schema, root["type"] == "object" else { return false }
    let definitions = root.removeValue(forKey: "$defs")
    guard definitions == nil || definitions?.objectValue != nil else { return false }
    return ([.object(root)] + Array((definitions?.objectValue ?? [:]).values)).allSatisfy { meets($0, depth: 1) }
  }

  private static func meets(_ schema: JSONValue, depth: Int) -> Bool {
    guard let members = schema.objectValue else { return false }
    let names = Set(members.keys)
    if let reference = members["$ref"] { return reference.stringValue?.hasPrefix("#") == true && names.count == 1 }
    if let variants = members["anyOf"] {
      guard let variants = variants.arrayValue, !variants.isEmpty else { return false }
      return names.subtracting(notes) == ["anyOf"] && variants.allSatisfy { meets($0, depth: depth) }
    }
    guard names.isSubset(of: keywords), let kinds = kinds(members["type"]) else { return false }
    if let values = members["enum"] {
      guard let values = values.arrayValue, !values.isEmpty else { return false }
    }
    return meetsObject(members, isOne: kinds.contains("object"), depth)
      && meetsArray(members, isOne: kinds.contains("array"), depth)
  }

  private static func kinds(_ type: JSONValue?) -> Set<String>? {
    let names = (type?.arrayValue ?? [type ?? .null]).map { $0.stringValue ?? "" }
    return !names.isEmpty && types.isSuperset(of: names) ? Set(names) : nil
  }

  private static func meetsObject(_ members: [String: JSONValue], isOne: Bool, _ depth: Int) -> Bool {
    guard isOne else { return ["properties", "required", "additionalProperties"].allSatisfy { members[$0] == nil } }
    guard depth <= maximumDepth, members["additionalProperties"] == .bool(false),
      let properties = members["properties"]?.objectValue, let required = members["required"]?.arrayValue
    else { return false }
    return Set(required) == Set(properties.keys.map(JSONValue.string))
      && properties.values.allSatisfy { meets($0, depth: depth + 1) }
  }

  private static func meetsArray(_ members: [String: JSONValue], isOne: Bool, _ depth: Int) -> Bool {
    guard isOne else { return members["items"] == nil }
    return members["items"].map { meets($0, depth: depth + 1) } ?? false
  }
}
