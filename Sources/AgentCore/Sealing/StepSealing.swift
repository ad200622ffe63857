/// What of a step's row is shown and what is sealed beside it.
///
/// The shown form stands where the whole would: arguments, calls, a tool's text, with `[sealed]` for each sensitive value.
/// Where something is hidden, `input` or `output` has one member `sealed` more, in clear here and sealed by the store:
/// `{"arguments":…}` of a tool call and `{"calls":{ID:…}}` of a model's reply are the exact arguments, so that tries and
/// resumes send the same bytes; `{"origin":…}` is a reply as its provider sent it, where it has a sensitive member outside
/// its calls: it goes back so, and stands nowhere else; `{"values":[…]}` is what the filter looks for from here on.
package enum StepSealing {
  package static let member = "sealed"
  package static let arguments = "arguments"
  package static let calls = "calls"
  package static let values = "values"
  /// Of a reply: as its provider sent it.
  package static let origin = "origin"
  package static let toolCalls = "tool_calls"

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
    let before = opened[member]?[origin]
    let reply = mask(replyIn: &members, hiddenOrigin: before, fields, &filter)
    guard members != output.objectValue || reply.hiddenOrigin != before else { return output }
    var hidden = opened[member]?[calls]?.objectValue ?? [:]
    for (call, shown) in zip(opened[toolCalls]?.arrayValue ?? [], reply.arguments) {
      let (id, exact) = (call["id"]?.stringValue ?? "", call[arguments] ?? .null)
      if hidden[id] == nil, exact != shown { hidden[id] = exact }
    }
    guard !hidden.isEmpty || reply.hiddenOrigin != nil || opened[member] != nil else { return .object(members) }
    let known = [toolCalls, origin].flatMap { hiddenValues(of: opened[$0] ?? .null, shownAs: output[$0] ?? .null) }
    var sealed: [String: JSONValue] = [
      calls: .object(hidden), Self.values: extended(opened, by: known + reply.values),
    ]
    sealed[origin] = reply.hiddenOrigin
    members[member] = .object(sealed)
    return .object(members)
  }

  /// A reply without the values that `filter` knows in its calls' ids and names, and in its model's name. An id that has
  /// one gives way to one of ours, which its call keeps: then the reply goes back as text and calls.
  package static func named(_ reply: JSONValue, step: Int, _ filter: SealedFilter) -> JSONValue {
    guard !filter.isEmpty, !filter.isOverfull, case .object(var members) = reply else { return reply }
    if let model = members["model"] { members["model"] = filter.filtered(model) }
    let given = members[toolCalls]?.arrayValue ?? []
    var taken = Set(given.compactMap { $0["id"]?.stringValue })
    let calls = given.enumerated().map { index, call -> JSONValue in
      guard case .object(var parts) = call else { return call }
      if let name = parts["name"] { parts["name"] = filter.filtered(name) }
      if let id = parts["id"], filter.filtered(id) != id {
        var new = "call_s\(step)_\(index + 1)"
        while !taken.insert(new).inserted { new += "_" }
        parts["id"] = .string(new)
      }
      return .object(parts)
    }
    if members[toolCalls] != nil { members[toolCalls] = .array(calls) }
    return .object(members)
  }

  /// What a reply shows once it is masked.
  private struct MaskedReply {
    /// Of its calls, in order.
    var arguments: [JSONValue]
    /// What they do not show.
    var values: [JSONValue]
    /// It as it came, where that is not shown.
    var hiddenOrigin: JSONValue?
  }

  /// Leaves in a reply's words and calls what is shown of them. `hiddenOrigin`: where it was hidden before.
  private static func mask(
    replyIn members: inout [String: JSONValue], hiddenOrigin: JSONValue?, _ fields: SensitiveFields,
    _ filter: inout SealedFilter
  ) -> MaskedReply {
    let given = members[toolCalls]?.arrayValue ?? []
    let before = given.map { $0[arguments] ?? .null }
    let masked = zip(given, before).map { call, arguments in
      Self.masked(arguments: arguments, of: call["name"]?.stringValue ?? "", fields)
    }
    for call in masked { filter.learn(call.values) }
    let shown = masked.map { filter.filtered($0.shown) }
    if let text = members["text"] { members["text"] = filter.filtered(text) }
    if members[toolCalls] != nil {
      members[toolCalls] = .array(
        zip(given, shown).map { call, shown in
          guard case .object(var parts) = call else { return call }
          if parts[arguments] != nil { parts[arguments] = shown }
          return .object(parts)
        })
    }
    var reply = MaskedReply(arguments: shown, values: masked.flatMap(\.values))
    guard let sent = members[origin] ?? hiddenOrigin else { return reply }
    // What is hidden stays so, whatever the list has lost since.
    let wasHidden = members.removeValue(forKey: origin) == nil
    guard let kept = Self.origin(sent, exact: before, shown, fields, filter) else { return reply }
    if wasHidden || kept.isSensitive {
      reply.hiddenOrigin = kept.json
    } else {
      members[origin] = kept.json
    }
    return reply
  }

  /// A reply as its provider sent it, with the shown arguments in its calls; nil where anything else of it has a value that
  /// the filter knows: then it cannot go back as it came, and goes as text and calls. `isSensitive`: a member outside its
  /// calls is, by its name; that goes back, and is not looked for elsewhere, since it may be any word.
  private static func origin(
    _ origin: JSONValue, exact: [JSONValue], _ shown: [JSONValue], _ fields: SensitiveFields, _ filter: SealedFilter
  ) -> (json: JSONValue, isSensitive: Bool)? {
    guard case .object(var members) = origin, let message = members["message"]?.objectValue else {
      return (origin, false)
    }
    var parts = message
    let changed = zip(exact, shown).map { $0 == $1 ? Optional.none : $1 }
    if let sent = message[toolCalls]?.arrayValue {
      parts[toolCalls] = .array(
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
    guard filter.filtered(whole) == whole else { return nil }
    members["message"] = whole
    if let envelope = members["envelope"] { members["envelope"] = filter.filtered(envelope.masked(fields)) }
    return (.object(members), whole.hasSensitive(fields))
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
  /// What the filter looks for of a step's input or output, opened.
  package static func values(in part: JSONValue) -> [JSONValue] { part[member]?[values]?.arrayValue ?? [] }

  /// The reply that an output does not show as it came, opened.
  package static func origin(in part: JSONValue) -> JSONValue? {
    guard let hidden = part[member]?[origin], hidden["message"] != nil else { return Optional.none }
    return hidden
  }

  /// The arguments in a reply's output, by the id of their call.
  package static func arguments(inReply output: JSONValue) -> [String: JSONValue] {
    let calls = output[toolCalls]?.arrayValue ?? []
    return Dictionary(calls.map { ($0["id"]?.stringValue ?? "", $0[arguments] ?? .null) }) { $1 }
  }

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
