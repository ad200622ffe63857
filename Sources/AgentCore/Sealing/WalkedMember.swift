/// A part of a journal row that callers, models or tools gave, and that the list of sensitive fields is applied to. All
/// else in a row is our own envelope, or what operators wrote (instructions, schemas), and is stored as it is.
package struct WalkedMember: Sendable, Hashable {
  package enum Column: String, Sendable { case head, body }

  package let column: Column
  /// Names from the column's root on; `*` is each item of an array.
  package let path: [String]
  /// Each member of the object at `path` is sealed, whatever its name.
  package let isWhole: Bool

  fileprivate init(_ column: Column, _ path: [String], isWhole: Bool = false) {
    (self.column, self.path, self.isWhole) = (column, path, isWhole)
  }
}

extension JournalEventType {
  /// The one table of what is walked.
  ///
  /// | row | member | why |
  /// |---|---|---|
  /// | `task.submitted` | `head.labels` | a caller's words; a label with a sensitive name is in no index |
  /// | | `body.input`, `body.metadata` | a caller's; `output_schema` is a schema |
  /// | `step.started` | `body.input.arguments` | a tool call's, by the model; a model call has none |
  /// | | `body.input.sealed` | whole: see below |
  /// | `step.finished`, `step.failed` | `body.output.tool_calls.*.arguments` | the model's wishes |
  /// | | `body.output.origin.message`, `.envelope` | the same once more, as its provider sent them |
  /// | | `body.output.sealed` | whole: see below |
  /// | `step.resolved` | `body.output` | a person's word for what a tool would have answered |
  ///
  /// `sealed` is a member of our envelope (`StepSealing`): what is shown stands in `arguments`, `tool_calls` and `text`,
  /// what is not beside it. Each of its members is sealed whole, whatever its name.
  ///
  /// Not walked: `head.evidence` (our tools' notes: paths, digests, an origin), failures (sentences, which the filter of
  /// the task's sealed values has passed), a task's `output` (its owner's; the same filter), a tool's `output.text`
  /// (text).
  package var walked: [WalkedMember] {
    switch self {
    case .taskSubmitted: Self.ofSubmission
    case .stepStarted: Self.ofIntent
    case .stepFinished, .stepFailed: Self.ofAnswer
    case .stepResolved: Self.ofWord
    default: []
    }
  }

  private static let ofSubmission = [
    WalkedMember(.head, ["labels"]), WalkedMember(.body, ["input"]), WalkedMember(.body, ["metadata"]),
  ]
  private static let ofIntent = [
    WalkedMember(.body, ["input", "arguments"]), WalkedMember(.body, ["input", "sealed"], isWhole: true),
  ]
  private static let ofAnswer = [
    WalkedMember(.body, ["output", "tool_calls", "*", "arguments"]),
    WalkedMember(.body, ["output", "origin", "message"]), WalkedMember(.body, ["output", "origin", "envelope"]),
    WalkedMember(.body, ["output", "sealed"], isWhole: true),
  ]
  private static let ofWord = [WalkedMember(.body, ["output"])]

  /// The column's value with every sensitive one replaced by what `replacement` makes of its JSON pointer and itself.
  package func replacingSensitive<E: Error>(
    in value: JSONValue, _ column: WalkedMember.Column, _ fields: SensitiveFields,
    _ replacement: (_ pointer: String, _ value: JSONValue) throws(E) -> JSONValue
  ) throws(E) -> JSONValue {
    var result = value
    for member in walked where member.column == column {
      guard value.hasSensitive(fields, under: member, member.path[...]) else { continue }
      result = try result.replacing(fields, under: member, member.path[...], at: "", replacement)
    }
    return result
  }

  /// The column's value as everybody sees it.
  package func masked(_ value: JSONValue, _ column: WalkedMember.Column, _ fields: SensitiveFields) -> JSONValue {
    replacingSensitive(in: value, column, fields) { (_, _) throws(Never) in .string(SealedMember.placeholder) }
  }
}

extension JSONValue {
  fileprivate func hasSensitive(
    _ fields: SensitiveFields, under member: WalkedMember, _ path: ArraySlice<String>
  ) -> Bool {
    guard let name = path.first else {
      if member.isWhole { return objectValue?.isEmpty == false }
      return hasSensitive(fields, asMember: member.path.last ?? "")
    }
    if name == "*" {
      return arrayValue?.contains { $0.hasSensitive(fields, under: member, path.dropFirst()) } ?? false
    }
    return self[name]?.hasSensitive(fields, under: member, path.dropFirst()) ?? false
  }

  fileprivate func replacing<E: Error>(
    _ fields: SensitiveFields, under member: WalkedMember, _ path: ArraySlice<String>, at pointer: String,
    _ replacement: (String, JSONValue) throws(E) -> JSONValue
  ) throws(E) -> JSONValue {
    switch (path.first, self) {
    case (nil, .object(var members)) where member.isWhole:
      for (name, value) in members { members[name] = try replacement(pointer + "/" + name.jsonPointerToken, value) }
      return .object(members)
    case (nil, _):
      if member.isWhole { return self }
      return try replacingSensitive(fields, asMember: member.path.last ?? "", at: pointer, replacement)
    case ("*", .array(var items)):
      for index in items.indices {
        items[index] = try items[index].replacing(
          fields, under: member, path.dropFirst(), at: "\(pointer)/\(index)", replacement)
      }
      return .array(items)
    case (let next?, .object(var members)):
      guard let value = members[next] else { return self }
      members[next] = try value.replacing(
        fields, under: member, path.dropFirst(), at: pointer + "/" + next.jsonPointerToken, replacement)
      return .object(members)
    default: return self
    }
  }
}
