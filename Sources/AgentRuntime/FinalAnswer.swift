import AgentCore

/// A model's last words held against the task's `output_schema`.
package enum FinalAnswer: Sendable, Hashable {
  case fits(JSONValue)
  /// Sentences for the model and for people.
  case misfit([String])

  /// Sentences that one answer gets.
  private static let maximumSentences = 8

  package init(_ text: String, by schema: JSONSchema) {
    let value: JSONValue
    do throws(JSONSyntaxError) {
      value = try Self.value(in: text)
    } catch {
      self = .misfit(["the answer is not one JSON value: \(error.detail) (at byte \(error.offset))"])
      return
    }
    // A value that looks sealed would be shown as one.
    guard !value.hasSensitive(SensitiveFields([])) else {
      self = .misfit(["a member `\(SealedMember.key)` is not allowed"])
      return
    }
    let violations = schema.violations(in: value)
    if violations.isEmpty {
      self = .fits(value)
    } else {
      self = .misfit(
        violations.prefix(Self.maximumSentences).map { violation in
          "\(violation.pointer.isEmpty ? "the value" : violation.pointer): \(violation.detail)"
        })
    }
  }

  /// The text as JSON, or what stands in its one fenced code block.
  private static func value(in text: String) throws(JSONSyntaxError) -> JSONValue {
    do throws(JSONSyntaxError) {
      return try JSONValue(parsing: text)
    } catch {
      guard let block = fenced(text) else { throw error }
      return try JSONValue(parsing: block)
    }
  }

  /// CRLF is one Character. Not every line break of Unicode's: some of them may stand in a JSON string as they are.
  private static let lineBreaks: [Character] = ["\n", "\r\n", "\r"]

  /// The content of the one block between lines of three backticks; nil without one, or with more.
  private static func fenced(_ text: String) -> String? {
    let lines = text.split(omittingEmptySubsequences: false) { lineBreaks.contains($0) }
    let fences = lines.indices.filter { lines[$0].drop { $0 == " " }.hasPrefix("```") }
    guard fences.count == 2 else { return nil }
    return lines[(fences[0] + 1)..<fences[1]].joined(separator: "\n")
  }

  /// What the engine says to a model whose answer does not fit.
  package static func repair(_ problems: [String], schema: JSONSchema) -> String {
    """
    This answer does not fit the JSON Schema that the task asks for: \(problems.joined(separator: "; ")).
    Answer again with one JSON value that fits it, and nothing else. The schema: \(schema.json.text)
    """
  }
}
