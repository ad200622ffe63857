/// What a task holds sealed, opened for its worker alone: never stored, printed or sent but by the reference that a tool
/// call makes to it. Every way to text shows nothing of it.
package struct ClearValues: Sendable {
  /// The task's sensitive input members, by path (`api_key`, `login.password`: names joined by dots, indexes as numbers).
  private let input: [String: JSONValue]
  /// Arguments of tool calls as they were given, by step: what a repeated call sends.
  private let arguments: [Int: JSONValue]
  /// The same of the calls of a model's reply, by the reply's step and the call's id: those that are other than shown.
  private let calls: [Int: [String: JSONValue]]
  /// Every sealed value of the task that is text, wherever it stands: what the filter looks for.
  private let texts: [Secret]

  package init(
    input: [String: JSONValue] = [:], arguments: [Int: JSONValue] = [:], calls: [Int: [String: JSONValue]] = [:],
    texts: [Secret] = []
  ) {
    (self.input, self.arguments, self.calls, self.texts) = (input, arguments, calls, texts)
  }

  /// `steps`: the opened member `sealed` of each step's input and output, in the journal's order (`StepSealing`).
  /// `others`: opened members that no reference reaches, as the metadata's.
  package init(input: [String: JSONValue], steps: [(step: Int, sealed: JSONValue)], others: [JSONValue] = []) {
    var arguments: [Int: JSONValue] = [:]
    var calls: [Int: [String: JSONValue]] = [:]
    var texts = (input.keys.sorted().compactMap { input[$0] } + others).flatMap(\.leafTexts)
    for (step, sealed) in steps {
      if let value = sealed[StepSealing.arguments] { arguments[step] = value }
      if let values = sealed[StepSealing.calls]?.objectValue { calls[step] = values }
      texts += sealed[StepSealing.values]?.leafTexts ?? []
    }
    self.init(input: input, arguments: arguments, calls: calls, texts: texts.map { Secret($0) })
  }

  /// The same with what `fields` hide of the task's input, and of `others`, where they stand in clear: they were read
  /// before the list was so long.
  package func adding(input given: JSONValue, others: [JSONValue], _ fields: SensitiveFields) -> ClearValues {
    let found = given.sensitiveMembers(fields)
    let beside = others.flatMap { $0.sensitiveMembers(fields) }
    guard !found.isEmpty || !beside.isEmpty else { return self }
    var members = input
    for (pointer, value) in found {
      let path = Self.path(ofPointer: pointer)
      members[path] = value.replacingPlaceholders(at: path) { reveal(path: $0) }
    }
    let new = (found + beside).flatMap { $0.value.leafTexts }
    return ClearValues(
      input: members, arguments: arguments, calls: calls, texts: texts + new.map { Secret($0) })
  }

  package static let none = ClearValues()

  package var isEmpty: Bool { input.isEmpty && arguments.isEmpty && calls.isEmpty && texts.isEmpty }

  /// The paths that a reference may name, sorted.
  package var paths: [String] { input.keys.sorted() }

  /// `login.password` for `/login/password`, a pointer into the task's input.
  package static func path(ofPointer pointer: String) -> String {
    pointer.split(separator: "/").map { $0.replacing("~1", with: "/").replacing("~0", with: "~") }
      .joined(separator: ".")
  }

  /// The value behind `{{input.PATH}}`; nil where the input has no sealed member there. A path may go on into a member
  /// that is an object or a list.
  package func reveal(path: String) -> JSONValue? {
    if let value = input[path] { return value }
    let names = path.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
    for count in stride(from: names.count - 1, to: 0, by: -1) {
      guard var value = input[names[..<count].joined(separator: ".")] else { continue }
      for name in names[count...] {
        guard let inner = value[name] ?? value.item(name) else { return nil }
        value = inner
      }
      return value
    }
    return nil
  }

  /// The arguments of a step that was begun with sensitive ones.
  package func revealArguments(ofStep step: Int) -> JSONValue? { arguments[step] }

  /// The arguments of a call that the model asked for in that step, where they are other than shown.
  package func revealArguments(ofCall id: String, askedForInStep step: Int) -> JSONValue? { calls[step]?[id] }

  /// All of those.
  package func revealCalls(askedForInStep step: Int) -> [String: JSONValue] { calls[step] ?? [:] }

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

  /// `path`: of this value.
  fileprivate func replacingPlaceholders(at path: String, _ value: (String) -> JSONValue?) -> JSONValue {
    switch self {
    case .string(SealedMember.placeholder): return value(path) ?? self
    case .array(let items):
      return .array(
        items.enumerated().map { $1.replacingPlaceholders(at: "\(path).\($0)", value) })
    case .object(var members):
      for (name, inner) in members { members[name] = inner.replacingPlaceholders(at: "\(path).\(name)", value) }
      return .object(members)
    default: return self
    }
  }

  fileprivate func item(_ index: String) -> JSONValue? {
    guard let items = arrayValue, let number = Int(index), items.indices.contains(number) else { return nil }
    return items[number]
  }
}
