/// The walk that finds what is sealed by its name: the store runs it before a row is written, the engine over what it
/// holds in memory.
///
/// Sensitive is, at any depth and of any type:
/// - a member whose name the list has, unless its text is nothing but references (`{{input.api_key}}`), or `[sealed]`;
/// - an object with a member `$sealed`, whoever wrote it: nothing may look sealed that is not;
/// - a text `arguments` (OpenAI's form of a call's) that is no JSON and has a name of the list in it: a call that was cut.
///
/// A text `arguments` that holds a JSON object is walked as that object, pointers going on through it, and becomes text
/// again where something of it was replaced. Nothing inside a sensitive value is looked at.
extension JSONValue {
  /// This value with every sensitive one replaced by what `replacement` makes of its JSON pointer and itself. `base`: the
  /// pointer of this value.
  package func replacingSensitive<E: Error>(
    _ fields: SensitiveFields, at base: String = "", _ replacement: (String, JSONValue) throws(E) -> JSONValue
  ) throws(E) -> JSONValue {
    var path = SensitivePath(base)
    return try replaced(fields, &path, replacement) ?? self
  }

  /// The same of the value of a member whose name says how it is read, not whether it is sensitive.
  package func replacingSensitive<E: Error>(
    _ fields: SensitiveFields, asMember name: String, at pointer: String,
    _ replacement: (String, JSONValue) throws(E) -> JSONValue
  ) throws(E) -> JSONValue {
    var path = SensitivePath(pointer)
    return try replaced(fields, asMember: name, &path, replacement) ?? self
  }

  /// Nil where nothing is sensitive: then nothing was copied either.
  private func replaced<E: Error>(
    _ fields: SensitiveFields, _ path: inout SensitivePath, _ replacement: (String, JSONValue) throws(E) -> JSONValue
  ) throws(E) -> JSONValue? {
    switch self {
    case .object(let members):
      if members[SealedMember.key] != nil { return try replacement(path.pointer, self) }
      var result: [String: JSONValue]?
      for (name, value) in members {
        path.steps.append(.name(name))
        defer { path.steps.removeLast() }
        var new: JSONValue?
        if !fields.contains(name) {
          new = try value.replaced(fields, asMember: name, &path, replacement)
        } else if !value.isOpen {
          new = try replacement(path.pointer, value)
        }
        if let new {
          if result == nil { result = members }
          result?[name] = new
        }
      }
      return result.map(JSONValue.object)
    case .array(let items):
      var result: [JSONValue]?
      for (index, item) in items.enumerated() {
        path.steps.append(.index(index))
        defer { path.steps.removeLast() }
        guard let new = try item.replaced(fields, &path, replacement) else { continue }
        if result == nil { result = items }
        result?[index] = new
      }
      return result.map(JSONValue.array)
    default: return nil
    }
  }

  private func replaced<E: Error>(
    _ fields: SensitiveFields, asMember name: String, _ path: inout SensitivePath,
    _ replacement: (String, JSONValue) throws(E) -> JSONValue
  ) throws(E) -> JSONValue? {
    guard case .string(let text) = self, name == Self.argumentsName else {
      return try replaced(fields, &path, replacement)
    }
    guard let object = Self.object(in: text) else {
      guard fields.isNamed(in: text) else { return nil }
      return try replacement(path.pointer, self)
    }
    guard let new = try object.replaced(fields, &path, replacement) else { return nil }
    return .string(new.text)
  }

  /// Whether the walk would find anything. Costs no memory where there is nothing.
  package func hasSensitive(_ fields: SensitiveFields) -> Bool {
    switch self {
    case .object(let members):
      members.contains { name, value in
        if name == SealedMember.key { return true }
        return fields.contains(name) ? !value.isOpen : value.hasSensitive(fields, asMember: name)
      }
    case .array(let items): items.contains { $0.hasSensitive(fields) }
    default: false
    }
  }

  func hasSensitive(_ fields: SensitiveFields, asMember name: String) -> Bool {
    guard case .string(let text) = self, name == Self.argumentsName else { return hasSensitive(fields) }
    return Self.object(in: text)?.hasSensitive(fields) ?? fields.isNamed(in: text)
  }

  /// A member of that name may hold an object as text.
  package static let argumentsName = "arguments"

  /// The object that a text holds as JSON; nil for every other text.
  package static func object(in text: String) -> JSONValue? {
    let first = text.utf8.first { !($0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09) }
    guard first == UInt8(ascii: "{"), let value = try? JSONValue(parsing: text),  // Why it is none does not matter.
      value.objectValue != nil
    else { return nil }
    return value
  }

  /// Hides nothing: references alone, or what is hidden already.
  private var isOpen: Bool { isOnlyReferences || self == .string(SealedMember.placeholder) }

  /// A text of one reference or several and nothing else.
  package var isOnlyReferences: Bool {
    guard case .string(let text) = self, text.hasPrefix("{{input."), text.hasSuffix("}}") else { return false }
    var rest = text[...]
    while rest.hasPrefix("{{input."), let brace = rest.firstIndex(of: "}") {
      let path = rest[..<brace].dropFirst("{{input.".count)
      let end = rest[brace...].prefix(2)
      guard !path.isEmpty, !path.contains("{"), end == "}}" else { return false }
      rest = rest[end.endIndex...]
    }
    return rest.isEmpty
  }

  /// As everybody sees it: `[sealed]` for each sensitive member.
  package func masked(_ fields: SensitiveFields) -> JSONValue {
    replacingSensitive(fields) { (_, _) throws(Never) in .string(SealedMember.placeholder) }
  }

  /// Its sensitive members, with their JSON pointers, sorted by pointer.
  package func sensitiveMembers(_ fields: SensitiveFields, at base: String = "") -> [(
    pointer: String, value: JSONValue
  )] {
    var found: [(pointer: String, value: JSONValue)] = []
    _ = replacingSensitive(fields, at: base) { (pointer, value) throws(Never) in
      found.append((pointer, value))
      return value
    }
    return found.sorted { $0.pointer < $1.pointer }
  }
}

/// Where a walk stands: a JSON pointer only once it is asked for.
private struct SensitivePath {
  enum Step {
    case name(String)
    case index(Int)
  }
  private let base: String
  var steps: [Step] = []

  init(_ base: String) { self.base = base }

  var pointer: String {
    steps.reduce(into: base) { pointer, step in
      switch step {
      case .name(let name): pointer += "/" + name.jsonPointerToken
      case .index(let index): pointer += "/\(index)"
      }
    }
  }
}
