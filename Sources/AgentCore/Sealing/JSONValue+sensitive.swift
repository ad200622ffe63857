/// The one walk that finds what is sealed: the store runs it before a row is written, the engine over what it holds in
/// memory, so that both show the same.
///
/// Sensitive is, at any depth and of any type:
/// - a member whose name the list has, unless its text is nothing but references (`{{input.api_key}}`);
/// - in an object `headers`, the credentials of HTTP, unless their text is a reference behind a scheme (`Bearer {{…}}`);
/// - an object with a member `$sealed`, whoever wrote it: nothing may look sealed that is not;
/// - a text `body` that holds JSON with any of these in it: whole, so that its bytes stay as they are. It is shown as the
///   JSON with what is sensitive in it masked;
/// - a text `arguments` (OpenAI's form of a call's) that is no JSON and has a name of the list in it: a call that was cut.
///
/// A text `arguments` that holds a JSON object is walked as that object, pointers going on through it, and becomes text
/// again. Nothing inside a sensitive value is looked at.
extension JSONValue {
  /// This value with every sensitive one replaced by what `replacement` makes of its JSON pointer, itself, and the form in
  /// which it is shown. `base`: the pointer of this value.
  package func replacingShown<E: Error>(
    _ fields: SensitiveFields, at base: String = "",
    _ replacement: (_ pointer: String, _ value: JSONValue, _ shown: JSONValue) throws(E) -> JSONValue
  ) throws(E) -> JSONValue {
    guard hasSensitive(fields) else { return self }
    switch self {
    case .object(let members):
      if members[SealedMember.key] != nil { return try replacement(base, self, Self.placeholder) }
      var result = members
      for (name, value) in members {
        result[name] = try value.replacingShown(
          fields, asMember: name, at: base + "/" + name.jsonPointerToken, replacement)
      }
      return .object(result)
    case .array(let items):
      var result = items
      for (index, item) in items.enumerated() {
        result[index] = try item.replacingShown(fields, at: "\(base)/\(index)", replacement)
      }
      return .array(result)
    default: return self
    }
  }

  /// The same, where the form that is shown does not matter.
  package func replacingSensitive<E: Error>(
    _ fields: SensitiveFields, at base: String = "", _ replacement: (String, JSONValue) throws(E) -> JSONValue
  ) throws(E) -> JSONValue {
    try replacingShown(fields, at: base) { (pointer, value, _) throws(E) in try replacement(pointer, value) }
  }

  private func replacingShown<E: Error>(
    _ fields: SensitiveFields, asMember name: String, at pointer: String,
    _ replacement: (String, JSONValue, JSONValue) throws(E) -> JSONValue
  ) throws(E) -> JSONValue {
    if fields.contains(name) { return isOnlyReferences ? self : try replacement(pointer, self, Self.placeholder) }
    return try replacingShown(fields, asValueOf: name, at: pointer, replacement)
  }

  /// The same of a value whose name says how it is read, and not whether it is sensitive.
  func replacingShown<E: Error>(
    _ fields: SensitiveFields, asValueOf name: String, at pointer: String,
    _ replacement: (String, JSONValue, JSONValue) throws(E) -> JSONValue
  ) throws(E) -> JSONValue {
    switch (name, self) {
    case ("arguments", .string(let text)):
      guard let object = Self.container(in: text), object.objectValue != nil else {
        return fields.isNamed(in: text) ? try replacement(pointer, self, Self.placeholder) : self
      }
      guard object.hasSensitive(fields) else { return self }
      return .string(try object.replacingShown(fields, at: pointer, replacement).text)
    case ("body", .string(let text)):
      guard let container = Self.container(in: text), container.hasSensitive(fields) else { return self }
      return try replacement(pointer, self, .string(container.masked(fields).text))
    case ("headers", .object(let members)) where members.contains(where: Self.isCredential):
      var result = members
      for (name, value) in members {
        let place = pointer + "/" + name.jsonPointerToken
        result[name] =
          Self.isCredential(name, value)
          ? try replacement(place, value, Self.placeholder)
          : try value.replacingShown(fields, asMember: name, at: place, replacement)
      }
      return .object(result)
    default: return try replacingShown(fields, at: pointer, replacement)
    }
  }

  /// Whether the walk would find anything. Costs no memory where there is nothing.
  package func hasSensitive(_ fields: SensitiveFields) -> Bool {
    switch self {
    case .object(let members):
      members.contains { name, value in
        if name == SealedMember.key { return true }
        return fields.contains(name) ? !value.isOnlyReferences : value.hasSensitive(fields, asValueOf: name)
      }
    case .array(let items): items.contains { $0.hasSensitive(fields) }
    default: false
    }
  }

  func hasSensitive(_ fields: SensitiveFields, asValueOf name: String) -> Bool {
    switch (name, self) {
    case ("arguments", .string(let text)):
      guard let object = Self.container(in: text), object.objectValue != nil else { return fields.isNamed(in: text) }
      return object.hasSensitive(fields)
    case ("body", .string(let text)): return Self.container(in: text)?.hasSensitive(fields) ?? false
    case ("headers", .object(let members)) where members.contains(where: Self.isCredential): return true
    default: return hasSensitive(fields)
    }
  }

  /// The object or array that a text holds as JSON; nil for every other text.
  private static func container(in text: String) -> JSONValue? {
    let first = text.utf8.first { !($0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09) }
    guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else { return nil }
    return try? JSONValue(parsing: text)  // Why it is none does not matter.
  }

  private static let placeholder = JSONValue.string(SealedMember.placeholder)

  private static func isCredential(_ name: String, _ value: JSONValue) -> Bool {
    guard credentialHeaders.contains(where: { $0.utf8.count == name.utf8.count }),
      credentialHeaders.contains(name.lowercased())
    else { return false }
    guard case .string(let text) = value, let end = text.firstIndex(where: { $0 == " " || $0 == "=" }) else {
      return !value.isOnlyReferences
    }
    let scheme = text[..<end]
    let isScheme =
      scheme.utf8.count <= 32 && scheme.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    return !(isScheme && JSONValue.string(String(text[text.index(after: end)...])).isOnlyReferences)
  }

  /// RFC 9110 sections 11.6.2 and 11.7.2, RFC 6265 section 4.
  private static let credentialHeaders: Set<String> = ["authorization", "proxy-authorization", "cookie", "set-cookie"]

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
    replacingShown(fields) { (_, _, shown) throws(Never) in shown }
  }

  /// Its sensitive members, with their JSON pointers, sorted by pointer.
  package func sensitiveMembers(_ fields: SensitiveFields, at base: String = "") -> [(
    pointer: String, value: JSONValue
  )] {
    var found: [(pointer: String, value: JSONValue)] = []
    _ = replacingShown(fields, at: base) { (pointer, value, shown) throws(Never) in
      found.append((pointer, value))
      return shown
    }
    return found.sorted { $0.pointer < $1.pointer }
  }
}
