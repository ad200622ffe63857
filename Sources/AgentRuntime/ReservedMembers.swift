import AgentCore

/// Members that callers may not write: `$sealed` anywhere, which is how a sealed value stands in the store, and a sensitive
/// member that says `[sealed]`, which is how one is shown: whoever sends that has copied an answer. JSON in a text
/// `arguments` is looked at like the walk that seals does.
enum ReservedMembers {
  /// Told of one body; more help nobody.
  private static let maximumProblems = 100

  /// Each with its pointer, which begins with `base`.
  static func problems(in value: JSONValue, at base: String, _ fields: SensitiveFields) -> [ServiceError.Field] {
    var problems: [ServiceError.Field] = []
    look(at: value, base, fields, &problems)
    return problems
  }

  private static func look(
    at value: JSONValue, _ pointer: String, _ fields: SensitiveFields, _ problems: inout [ServiceError.Field]
  ) {
    guard problems.count < maximumProblems else { return }
    switch value {
    case .object(let members):
      for name in members.keys.sorted() {
        guard let inner = members[name] else { continue }
        let place = "\(pointer)/\(name.jsonPointerToken)"
        if name == SealedMember.key {
          problems.append(ServiceError.Field(place, "is reserved for values that the service has sealed"))
        } else if fields.contains(name), inner == .string(SealedMember.placeholder) {
          problems.append(
            ServiceError.Field(
              place, "`\(SealedMember.placeholder)` stands for a value that is not shown: send the value itself"))
        } else if name == JSONValue.argumentsName, let object = inner.stringValue.flatMap(JSONValue.object(in:)) {
          look(at: object, place, fields, &problems)
        } else {
          look(at: inner, place, fields, &problems)
        }
      }
    case .array(let items):
      for (index, item) in items.enumerated() { look(at: item, "\(pointer)/\(index)", fields, &problems) }
    case .null, .bool, .integer, .double, .string: break
    }
  }
}

extension TaskDraft {
  /// In all that is stored of a draft and may hold members of the caller's choice.
  func reservedMembers(_ fields: SensitiveFields, prefix: String) -> [ServiceError.Field] {
    ReservedMembers.problems(in: input, at: prefix + "/input", fields)
      + ReservedMembers.problems(in: metadata, at: prefix + "/metadata", fields)
      + ReservedMembers.problems(in: labelMembers, at: prefix + "/labels", fields)
      + ReservedMembers.problems(in: outputSchema ?? .null, at: prefix + "/output_schema", fields)
  }

  /// More than a task's filter would look for: told of the member that has the most of it.
  func sealedValueProblems(_ fields: SensitiveFields, prefix: String) -> [ServiceError.Field] {
    let given = [("input", input), ("metadata", metadata), ("labels", labelMembers)]
      .filter { $0.1.hasSensitive(fields) }
      .map { (name: $0.0, values: $0.1.sensitiveMembers(fields).map(\.value)) }
    guard !SealedFilter.canLookFor(given.flatMap(\.values)),
      let most = given.max(by: { SealedFilter.load(of: $0.values) < SealedFilter.load(of: $1.values) })
    else { return [] }
    return [ServiceError.Field("\(prefix)/\(most.name)", Self.tooManySealed)]
  }

  static let tooManySealed = "with these the task would have more than \(SealedFilter.bounds)"

  private var labelMembers: JSONValue { .object(labels.mapValues(JSONValue.string)) }
}

extension ServiceError {
  static func reserved(_ fields: [Field]) -> ServiceError {
    ServiceError(
      "reserved_member", fields.map { "\($0.pointer): \($0.detail)" }.joined(separator: "; "), fields: fields)
  }
}
