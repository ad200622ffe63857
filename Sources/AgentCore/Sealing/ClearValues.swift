/// What a task holds sealed, opened for its worker alone: never stored, printed or sent but by the reference that a tool
/// call makes to it. Every way to text shows nothing of it.
package struct ClearValues: Sendable {
  /// The task's sensitive input members, by JSON pointer.
  private let input: [String: JSONValue]
  /// Their pointers by path (`api_key`, `login.password`: names joined by dots, indexes as numbers), which two members may
  /// share.
  private let pointers: [String: [String]]
  /// The most names that one of the paths has.
  private let deepest: Int
  /// Arguments of tool calls as they were given, by step: what a repeated call sends.
  private let arguments: [Int: JSONValue]
  /// The same of the calls of a model's reply, by the reply's step and the call's id: those that are other than shown.
  private let calls: [Int: [String: JSONValue]]
  /// Replies as their providers sent them, by step: those that nobody is shown.
  private let origins: [Int: JSONValue]
  /// Every sealed value of the task that is text, wherever it stands: what the filter looks for.
  private let texts: [Secret]

  /// `input`: by JSON pointer into it.
  package init(
    input: [String: JSONValue] = [:], arguments: [Int: JSONValue] = [:], calls: [Int: [String: JSONValue]] = [:],
    origins: [Int: JSONValue] = [:], texts: [Secret] = []
  ) {
    (self.input, self.arguments, self.calls, self.texts) = (input, arguments, calls, texts)
    self.origins = origins
    pointers = Dictionary(grouping: input.keys.sorted()) { Self.names(ofPointer: $0).joined(separator: ".") }
    // Of the names as a path tells them: a dot in one makes two of it.
    deepest = pointers.keys.map { $0.count { $0 == "." } + 1 }.max() ?? 0
  }

  /// `input`: by JSON pointer. `steps`: the opened member `sealed` of each step's input and output, in the journal's order
  /// (`StepSealing`).
  /// `others`: opened members that no reference reaches, as the metadata's.
  package init(input: [String: JSONValue], steps: [(step: Int, sealed: JSONValue)], others: [JSONValue] = []) {
    var arguments: [Int: JSONValue] = [:]
    var calls: [Int: [String: JSONValue]] = [:]
    var origins: [Int: JSONValue] = [:]
    var texts = (input.keys.sorted().compactMap { input[$0] } + others).flatMap(\.leafTexts)
    for (step, sealed) in steps {
      if let value = sealed[StepSealing.arguments] { arguments[step] = value }
      if let values = sealed[StepSealing.calls]?.objectValue { calls[step] = values }
      if let value = sealed[StepSealing.origin] { origins[step] = value }
      texts += sealed[StepSealing.values]?.leafTexts ?? []
    }
    self.init(
      input: input, arguments: arguments, calls: calls, origins: origins, texts: texts.map { Secret($0) })
  }

  /// The same with what `fields` hide of the task's input, and of `others`, where they stand in clear: they were read
  /// before the list was so long.
  package func adding(input given: JSONValue, others: [JSONValue], _ fields: SensitiveFields) -> ClearValues {
    let found = given.sensitiveMembers(fields)
    let beside = others.flatMap { $0.sensitiveMembers(fields) }
    guard !found.isEmpty || !beside.isEmpty else { return self }
    var members = input
    for (pointer, value) in found {
      members[pointer] = value.replacingPlaceholders(at: pointer) { input[$0] }
    }
    let new = (found + beside).flatMap { $0.value.leafTexts }
    return ClearValues(
      input: members, arguments: arguments, calls: calls, origins: origins, texts: texts + new.map { Secret($0) })
  }

  package static let none = ClearValues()

  /// Whether the task's input has anything sealed.
  package var hasInput: Bool { !input.isEmpty }

  /// The paths that a reference may name, sorted: each of one member alone.
  package var paths: [String] { pointers.keys.filter { places(ofPath: $0).count == 1 }.sorted() }

  /// The value behind `{{input.PATH}}`; nil where the input has no sealed member there, or more than one. A path may go on
  /// into a member that is an object or a list.
  package func reveal(path: String) -> JSONValue? {
    let places = places(ofPath: path)
    return places.count == 1 ? places.first?.value : nil
  }

  /// Whether several members are behind that path: `a.b.token` is that of `token` in `b` in `a`, and in `a.b`.
  package func isAmbiguous(path: String) -> Bool { places(ofPath: path).count > 1 }

  /// What a path may mean, by JSON pointer.
  private func places(ofPath path: String) -> [String: JSONValue] {
    let names = path.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
    var found: [String: JSONValue] = [:]
    for count in 1...names.count where count <= deepest {
      for pointer in pointers[names[..<count].joined(separator: ".")] ?? [] {
        guard let member = input[pointer], let (place, value) = member.inner(names[count...], at: pointer) else {
          continue
        }
        // Where one sealed member lies within another, both lead to the same place.
        found[place] = value
      }
    }
    return found
  }

  private static func names(ofPointer pointer: String) -> [String] {
    pointer.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { token in
      String(token).replacing("~1", with: "/").replacing("~0", with: "~")
    }
  }

  /// The arguments of a step that was begun with sensitive ones.
  package func revealArguments(ofStep step: Int) -> JSONValue? { arguments[step] }

  /// The arguments of a call that the model asked for in that step, where they are other than shown.
  package func revealArguments(ofCall id: String, askedForInStep step: Int) -> JSONValue? { calls[step]?[id] }

  /// All of those.
  package func revealCalls(askedForInStep step: Int) -> [String: JSONValue] { calls[step] ?? [:] }

  /// Replies that nobody is shown, by step.
  package func revealOrigins() -> [Int: JSONValue] { origins }

  package func revealTexts() -> [Secret] { texts }

  /// Those of the input alone.
  package func revealInputTexts() -> [Secret] {
    input.keys.sorted().flatMap { input[$0]?.leafTexts ?? [] }.map { Secret($0) }
  }
}

extension ClearValues: CustomStringConvertible, CustomReflectable {
  package var description: String { SealedMember.placeholder }
  package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}

extension JSONValue {
  /// Its strings, and its numbers as they are written, at any depth, members sorted by name.
  package var leafTexts: [String] {
    switch self {
    case .string(let text): [text]
    case .integer, .double: [text]
    case .array(let items): items.flatMap(\.leafTexts)
    case .object(let members): members.keys.sorted().flatMap { members[$0]?.leafTexts ?? [] }
    case .null, .bool: []
    }
  }

  /// `pointer`: of this value.
  fileprivate func replacingPlaceholders(at pointer: String, _ value: (String) -> JSONValue?) -> JSONValue {
    switch self {
    case .string(SealedMember.placeholder): return value(pointer) ?? self
    case .array(let items):
      return .array(
        items.enumerated().map { $1.replacingPlaceholders(at: "\(pointer)/\($0)", value) })
    case .object(var members):
      for (name, inner) in members {
        members[name] = inner.replacingPlaceholders(at: "\(pointer)/\(name.jsonPointerToken)", value)
      }
      return .object(members)
    default: return self
    }
  }

  /// What these names lead to from here, and its pointer; `pointer`: of this value.
  fileprivate func inner(_ names: ArraySlice<String>, at pointer: String) -> (pointer: String, value: JSONValue)? {
    guard let name = names.first else { return (pointer, self) }
    if let member = self[name] {
      return member.inner(names.dropFirst(), at: "\(pointer)/\(name.jsonPointerToken)")
    }
    guard let items = arrayValue, let number = Int(name), items.indices.contains(number) else { return nil }
    return items[number].inner(names.dropFirst(), at: "\(pointer)/\(number)")
  }
}
