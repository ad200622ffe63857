import AgentCore

/// A call's arguments as named values; whatever is not asked for by name is refused.
///
/// A JSON null counts as left out: models write it for optional members.
package struct ToolArguments: Sendable {
  private let members: [String: JSONValue]

  /// Throws `tool_arguments_invalid` for anything but an object whose members are all among `names`.
  package init(_ arguments: JSONValue, names: [String]) throws(ToolError) {
    guard let members = arguments.objectValue else {
      throw Self.invalid(arguments.faultAsArguments)
    }
    if let unknown = members.keys.filter({ !names.contains($0) }).min() {
      throw Self.invalid(
        "there is no argument `\(TextForDisplay.escaped(unknown))`; there are "
          + names.map { "`\($0)`" }.joined(separator: ", "))
    }
    self.members = members.filter { !$0.value.isNull }
  }

  /// A string that must be there. Throws `tool_arguments_invalid`.
  package func string(_ name: String) throws(ToolError) -> String {
    guard let value = try optionalString(name) else { throw Self.invalid("the argument `\(name)` is missing") }
    return value
  }

  /// A string, or nil where it is left out. Throws `tool_arguments_invalid` for any other type.
  package func optionalString(_ name: String) throws(ToolError) -> String? {
    guard let value = members[name] else { return nil }
    guard let text = value.stringValue else {
      throw Self.invalid("the argument `\(name)` is a \(value.typeName), not a string")
    }
    return text
  }

  /// A whole number of at least 1, or nil where it is left out.
  package func optionalPositive(_ name: String) throws(ToolError) -> Int? {
    guard let value = members[name] else { return nil }
    guard let number = value.integerValue, number >= 1, let whole = Int(exactly: number) else {
      throw Self.invalid("the argument `\(name)` must be a whole number of at least 1")
    }
    return whole
  }

  /// What a call gets whose arguments break a rule.
  package static func invalid(_ detail: String) -> ToolError {
    WorkspaceError(.argumentsInvalid, detail).toolError
  }

  /// The JSON Schema of an object with these members.
  package static func schema(_ members: [String: JSONValue], required: [String]) -> JSONValue {
    [
      "type": "object", "properties": .object(members), "required": .array(required.map(JSONValue.string)),
      "additionalProperties": false,
    ]
  }

  /// A member of a schema.
  package static func member(_ type: String, _ description: String) -> JSONValue {
    ["type": .string(type), "description": .string(description)]
  }
}
