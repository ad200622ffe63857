/// Rows that are there already: written before there was a key, or under a shorter list.
extension StepSealing {
  /// The body of a row of the journal as the engine would write it now, the members `sealed` in clear; `shown` itself where
  /// no more of it is hidden than was. What is hidden stays so, whatever the list has lost since.
  ///
  /// `shown` has a mark, or `[sealed]`, for all that is sealed in it; `opened` is the same in clear, where anything is.
  /// `kind` and `name` are its head's. `known` finds what is sealed elsewhere of the task: an echo of it may stand here
  /// from before it was.
  package static func body(
    _ shown: JSONValue, opened: JSONValue? = nil, of type: JournalEventType, kind: StepKind?, name: String,
    _ fields: SensitiveFields, knowing known: SealedFilter = SealedFilter()
  ) -> JSONValue {
    // What is sealed where it stood is hidden already.
    let before = opened == nil ? shown : shown.masked(SensitiveFields([]))
    guard case .object(var members) = before else { return shown }
    let opened = opened ?? shown
    switch (type, kind) {
    case (.stepStarted, .toolCall):
      guard let input = members["input"] else { return shown }
      members["input"] = Self.input(input, opened: opened["input"] ?? input, of: name, fields, known)
    case (.stepFinished, .modelCall), (.stepFailed, .modelCall):
      guard let output = members["output"] else { return shown }
      var filter = known
      members["output"] = Self.output(ofModel: output, opened: opened["output"], fields, &filter)
    case (.stepFinished, .toolCall), (.stepFailed, .toolCall):
      guard var output = members["output"] else { return shown }
      if name == HTTPCredentials.tool { output = answer(output, opened: opened["output"] ?? output, fields) }
      if !known.isEmpty {
        var filter = known
        output = Self.output(ofTool: output, hiding: [], &filter)
      }
      members["output"] = output
    case (.stepResolved, _), (.taskCompleted, _):
      // Marks stay, for what a person answered is sealed where it stands.
      guard !known.isEmpty, case .object(var members) = shown, let output = members["output"] else { return shown }
      members["output"] = known.filtered(output)
      return .object(members)
    default: return shown
    }
    return members == before.objectValue ? shown : .object(members)
  }

  /// The head of a row without echoes of what the task holds sealed: why a step or a task failed.
  package static func head(_ head: JSONValue, knowing known: SealedFilter) -> JSONValue {
    guard !known.isEmpty, case .object(var members) = head, case .object(var error)? = members["error"],
      let detail = error["detail"]
    else { return head }
    error["detail"] = known.filtered(detail)
    members["error"] = .object(error)
    return .object(members)
  }

  private static func input(
    _ input: JSONValue, opened: JSONValue, of tool: String, _ fields: SensitiveFields, _ known: SealedFilter
  ) -> JSONValue {
    guard case .object(var members) = input, let before = members[arguments] else { return input }
    let masked = masked(arguments: before, of: tool, fields)
    let shown = known.filtered(SealedFilter(learning: masked.values).filtered(masked.shown))
    guard shown != before else { return input }
    let exact = opened[arguments] ?? before
    members[arguments] = shown
    members[member] = .object([
      arguments: opened[member]?[arguments] ?? exact,
      values: extended(opened, by: hiddenValues(of: exact, shownAs: before) + masked.values),
    ])
    return .object(members)
  }

  /// What an HTTP request brought.
  private static func answer(_ output: JSONValue, opened: JSONValue, _ fields: SensitiveFields) -> JSONValue {
    guard case .object(var members) = output, let text = members["text"]?.stringValue else { return output }
    let masked = SensitiveText(text, fields)
    guard !masked.values.isEmpty else { return output }
    members["text"] = .string(masked.shown)
    let values = extended(opened, by: masked.values)
    var filter = SealedFilter(learning: values.arrayValue ?? [])
    guard case .object(var result) = Self.output(ofTool: .object(members), hiding: masked.values, &filter) else {
      return output
    }
    result[member] = .object([Self.values: values])
    return .object(result)
  }

  /// The values of `member` and more. Those that did not open stay alone: they may, once their key is back.
  static func extended(_ opened: JSONValue, by values: [JSONValue]) -> JSONValue {
    let earlier = opened[member]?[Self.values].flatMap { $0 == .string(SealedMember.placeholder) ? nil : $0 }
    guard let known = earlier.map(\.arrayValue) ?? [] else { return earlier ?? .array(values) }
    return .array(known + values)
  }

  /// What stands in a value where `shown` has something in its place.
  static func hiddenValues(of value: JSONValue, shownAs shown: JSONValue) -> [JSONValue] {
    guard value != shown else { return [] }
    switch (value, shown) {
    case (.array(let items), .array(let shown)) where items.count == shown.count:
      return zip(items, shown).flatMap { hiddenValues(of: $0, shownAs: $1) }
    case (.object(let members), .object(let shown)):
      return members.keys.sorted().flatMap { name in
        hiddenValues(of: members[name] ?? .null, shownAs: shown[name] ?? .null)
      }
    case (.string(let text), .string(let shown)) where shown != SealedMember.placeholder:
      // Arguments as text. `try?`: what is no JSON is hidden as the text that it is.
      guard let inner = try? JSONValue(stored: text.utf8), let innerShown = try? JSONValue(stored: shown.utf8) else {
        return [value]
      }
      return hiddenValues(of: inner, shownAs: innerShown)
    default: return [value]
    }
  }
}

extension SealedFilter {
  fileprivate init(learning values: [JSONValue]) {
    self.init()
    learn(values)
  }
}
