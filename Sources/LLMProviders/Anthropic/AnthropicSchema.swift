import AgentCore

/// A schema as Anthropic's structured outputs take it: objects that are closed, no keyword beyond a few. What is left
/// out is told to the model in the description, as Anthropic's own clients do; our own check decides in any case.
enum AnthropicSchema {
  /// Nil where closing an object would change what fits: one with members of any name, or a schema without a type; and
  /// for references and literals that the service refuses.
  static func sendable(_ schema: JSONValue) -> JSONValue? {
    guard hasSendableReferences(schema) else { return nil }
    return sendable(schema, depth: 0)
  }

  private static func sendable(_ schema: JSONValue, depth: Int) -> JSONValue? {
    guard case .object(var rest) = schema, depth < JSONValue.maximumDepth else { return nil }
    var sent: [String: JSONValue] = [:]
    for name in ["$defs", "definitions"] {
      guard let definitions = rest.removeValue(forKey: name)?.objectValue else { continue }
      guard let inner = each(definitions, depth) else { return nil }
      sent[name] = .object(inner)
    }
    for name in ["$ref", "title", "description", "enum", "const", "type"] {
      if let value = rest.removeValue(forKey: name) { sent[name] = value }
    }
    let literals = (sent["enum"]?.arrayValue ?? []) + [sent["const"]].compactMap(\.self)
    guard literals.allSatisfy({ $0.objectValue == nil && $0.arrayValue == nil }) else { return nil }
    for (name, sentName) in [("anyOf", "anyOf"), ("oneOf", "anyOf"), ("allOf", "allOf")] {
      guard let variants = rest.removeValue(forKey: name)?.arrayValue else { continue }
      guard let inner = each(variants, depth), sent[sentName] == nil else { return nil }
      // A reference in `allOf` is refused.
      guard name != "allOf" || inner.allSatisfy({ $0["$ref"] == nil }) else { return nil }
      sent[sentName] = .array(inner)
    }
    guard ["$ref", "type", "anyOf", "allOf", "enum", "const"].contains(where: { sent[$0] != nil }) else { return nil }
    guard addObject(&sent, &rest, depth), addItems(&sent, &rest, depth) else { return nil }
    describe(rest, in: &sent)
    return .object(sent)
  }

  private static func addObject(
    _ sent: inout [String: JSONValue], _ rest: inout [String: JSONValue], _ depth: Int
  ) -> Bool {
    let mayBeObject = sent["type"] == "object" || sent["type"]?.arrayValue?.contains("object") == true
    guard mayBeObject || rest["properties"] != nil else { return true }
    let additional = rest.removeValue(forKey: "additionalProperties") ?? true
    guard let properties = rest.removeValue(forKey: "properties")?.objectValue, additional.boolValue != nil,
      let inner = each(properties, depth)
    else { return false }
    (sent["properties"], sent["additionalProperties"]) = (.object(inner), false)
    if let required = rest.removeValue(forKey: "required") { sent["required"] = required }
    return true
  }

  private static func addItems(
    _ sent: inout [String: JSONValue], _ rest: inout [String: JSONValue], _ depth: Int
  ) -> Bool {
    guard let items = rest.removeValue(forKey: "items") else { return true }
    guard let inner = sendable(items, depth: depth + 1) else { return false }
    sent["items"] = inner
    return true
  }

  private static func describe(_ rest: [String: JSONValue], in sent: inout [String: JSONValue]) {
    guard !rest.isEmpty else { return }
    let words = rest.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text)" }.joined(separator: ", ")
    let before = sent["description"]?.stringValue.map { $0 + "\n\n" } ?? ""
    sent["description"] = .string("\(before){\(words)}")
  }

  private static func each(_ schemas: [String: JSONValue], _ depth: Int) -> [String: JSONValue]? {
    var inner: [String: JSONValue] = [:]
    for (name, schema) in schemas {
      guard let schema = sendable(schema, depth: depth + 1) else { return nil }
      inner[name] = schema
    }
    return inner
  }

  private static func each(_ schemas: [JSONValue], _ depth: Int) -> [JSONValue]? {
    var inner: [JSONValue] = []
    for schema in schemas {
      guard let schema = sendable(schema, depth: depth + 1) else { return nil }
      inner.append(schema)
    }
    return inner
  }
}
