/// What of a step's row is shown and what is sealed beside it.
///
/// The shown form stands where the whole would: arguments, calls, a tool's text, with `[sealed]` for each sensitive value.
/// Where something is hidden, `input` or `output` has one member `sealed` more, in clear here and sealed by the store:
/// `{"arguments":…}` of a tool call and `{"calls":{ID:…}}` of a model's reply are the exact arguments, so that tries and
/// resumes send the same bytes; `{"values":[…]}` is what the filter looks for from here on.
package enum StepSealing {
  package static let member = "sealed"
  package static let arguments = "arguments"
  package static let calls = "calls"
  package static let values = "values"

  /// A value as it is shown, and what is hidden of it.
  package struct Masked: Sendable {
    package var shown: JSONValue
    package var values: [JSONValue]
  }

  /// The arguments of a tool call: members by name, and of an HTTP request the credentials in its headers and the members
  /// of a body that is JSON text.
  package static func masked(arguments: JSONValue, of tool: String, _ fields: SensitiveFields) -> Masked {
    var masked = tool == HTTPCredentials.tool ? maskedRequest(arguments, fields) : Masked(shown: arguments, values: [])
    masked.shown = masked.shown.replacingSensitive(fields, asMember: Self.arguments, at: "") {
      (_, value) throws(Never) in
      masked.values.append(value)
      return .string(SealedMember.placeholder)
    }
    return masked
  }

  private static func maskedRequest(_ arguments: JSONValue, _ fields: SensitiveFields) -> Masked {
    var values: [JSONValue] = []
    guard case .object(var members) = arguments else { return Masked(shown: arguments, values: []) }
    if case .object(var headers)? = members["headers"] {
      for name in headers.keys.sorted() where HTTPCredentials.isSealed(header: name) {
        guard let value = headers[name], !HTTPCredentials.isOpen(value) else { continue }
        values += HTTPCredentials.parts(of: value.stringValue ?? value.text, in: name).map { .string($0) }
        headers[name] = .string(SealedMember.placeholder)
      }
      members["headers"] = .object(headers)
    }
    if let body = members["body"]?.stringValue {
      let text = SensitiveText(body, fields)
      values += text.values
      members["body"] = .string(text.shown)
    }
    return Masked(shown: .object(members), values: values)
  }

  /// The input of a tool call's step. `filter` learns what is sensitive in it.
  package static func input(
    callID: String, arguments exact: JSONValue, of tool: String, _ fields: SensitiveFields,
    _ filter: inout SealedFilter
  ) -> JSONValue {
    let masked = masked(arguments: exact, of: tool, fields)
    filter.learn(masked.values)
    let shown = filter.filtered(masked.shown)
    var input: [String: JSONValue] = ["call_id": .string(callID), arguments: shown]
    if shown != exact { input[member] = .object([arguments: exact, values: .array(masked.values)]) }
    return .object(input)
  }

  /// The output of a model call's step: `{"text","tool_calls":[{"id","name","arguments"}],"origin",…}`. `opened`: the same
  /// with all that is sealed in it in clear, where something is already.
  package static func output(
    ofModel output: JSONValue, opened: JSONValue? = nil, _ fields: SensitiveFields, _ filter: inout SealedFilter
  ) -> JSONValue {
    guard case .object(var members) = output else { return output }
    let opened = opened ?? output
    let (shown, values) = mask(replyIn: &members, fields, &filter)
    guard members != output.objectValue else { return output }
    var hidden = opened[member]?[calls]?.objectValue ?? [:]
    for (call, shown) in zip(opened["tool_calls"]?.arrayValue ?? [], shown) {
      let (id, exact) = (call["id"]?.stringValue ?? "", call[arguments] ?? .null)
      if hidden[id] == nil, exact != shown { hidden[id] = exact }
    }
    guard !hidden.isEmpty || opened[member] != nil else { return .object(members) }
    let known = ["tool_calls", "origin"].flatMap { hiddenValues(of: opened[$0] ?? .null, shownAs: output[$0] ?? .null) }
    members[member] = .object([calls: .object(hidden), Self.values: extended(opened, by: known + values)])
    return .object(members)
  }

  /// What is shown of a reply's words and calls; the arguments among that, in order, and the values that are not.
  private static func mask(
    replyIn members: inout [String: JSONValue], _ fields: SensitiveFields, _ filter: inout SealedFilter
  ) -> (arguments: [JSONValue], values: [JSONValue]) {
    let given = members["tool_calls"]?.arrayValue ?? []
    let before = given.map { $0[arguments] ?? .null }
    let masked = zip(given, before).map { call, arguments in
      Self.masked(arguments: arguments, of: call["name"]?.stringValue ?? "", fields)
    }
    for call in masked { filter.learn(call.values) }
    let shown = masked.map { filter.filtered($0.shown) }
    if let text = members["text"] { members["text"] = filter.filtered(text) }
    if members["tool_calls"] != nil {
      members["tool_calls"] = .array(
        zip(given, shown).map { call, shown in
          guard case .object(var parts) = call else { return call }
          if parts[arguments] != nil { parts[arguments] = shown }
          return .object(parts)
        })
    }
    if let origin = members["origin"] {
      members["origin"] = Self.origin(origin, exact: before, shown, fields, filter)
    }
    return (shown, masked.flatMap(\.values))
  }

  /// A reply as its provider sent it, with the shown arguments in its calls; nil where anything else of it must not be
  /// shown: then it cannot go back as it came, and goes as text and calls.
  private static func origin(
    _ origin: JSONValue, exact: [JSONValue], _ shown: [JSONValue], _ fields: SensitiveFields, _ filter: SealedFilter
  ) -> JSONValue? {
    guard case .object(var members) = origin, let message = members["message"]?.objectValue else { return origin }
    var parts = message
    let changed = zip(exact, shown).map { $0 == $1 ? Optional.none : $1 }
    if let sent = message["tool_calls"]?.arrayValue {
      parts["tool_calls"] = .array(
        sent.enumerated().map { index, call in
          guard changed.indices.contains(index), let arguments = changed[index], case .object(var call) = call,
            case .object(var function)? = call["function"]
          else { return call }
          function[Self.arguments] = .string(arguments.stringValue ?? arguments.text)
          call["function"] = .object(function)
          return .object(call)
        })
    }
    if let blocks = message["content"]?.arrayValue {
      var rest = changed[...]
      parts["content"] = .array(
        blocks.map { block in
          guard block["type"] == "tool_use", let next = rest.popFirst(), let arguments = next,
            case .object(var block) = block
          else { return block }
          block["input"] = arguments
          return .object(block)
        })
    }
    let whole = JSONValue.object(parts)
    guard filter.filtered(whole.masked(fields)) == whole else { return nil }
    members["message"] = whole
    if let envelope = members["envelope"] { members["envelope"] = filter.filtered(envelope.masked(fields)) }
    return .object(members)
  }

  /// The output of a tool call's step: `{"text","files"}`. `hidden`: what the tool itself shows `[sealed]` for.
  package static func output(
    ofTool output: JSONValue, hiding hidden: [JSONValue], _ filter: inout SealedFilter
  ) -> JSONValue {
    filter.learn(hidden)
    guard case .object(var members) = output else { return output }
    if let text = members["text"] { members["text"] = filter.filtered(text) }
    if let files = members["files"]?.arrayValue {
      members["files"] = .array(
        files.map { file in
          guard case .object(var parts) = file, let path = parts["path"] else { return file }
          parts["path"] = filter.filtered(path)
          return .object(parts)
        })
    }
    if !hidden.isEmpty { members[member] = .object([values: .array(hidden)]) }
    return .object(members)
  }
}

extension StepSealing {
  /// A step's input or output as the store gives it back, and everybody sees it.
  package static func shown(_ value: JSONValue) -> JSONValue {
    guard case .object(var members) = value, let hidden = members[member]?.objectValue else { return value }
    members[member] = .object(hidden.mapValues { _ in .string(SealedMember.placeholder) })
    return .object(members)
  }
}

extension JSONValue {
  /// Whether a string in it is `[sealed]`, at any depth.
  package var hasPlaceholder: Bool {
    switch self {
    case .string(let text): text == SealedMember.placeholder
    case .array(let items): items.contains(where: \.hasPlaceholder)
    case .object(let members): members.values.contains(where: \.hasPlaceholder)
    case .null, .bool, .integer, .double: false
    }
  }
}

extension SealedFilter {
  /// Looks for the texts in these from here on.
  package mutating func learn(_ values: [JSONValue]) { add(values.flatMap(\.leafTexts).map { Secret($0) }) }
}
