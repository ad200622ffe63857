/// What a model is told of the shape of its final answer, where its provider is not asked to keep to it.
package enum OutputInstruction {
  /// Stands at the end of the instructions.
  package static func text(_ schema: JSONValue) -> String {
    "Your final answer must be one JSON value and nothing else, and fit this JSON Schema:\n\(schema.text)"
  }
}
