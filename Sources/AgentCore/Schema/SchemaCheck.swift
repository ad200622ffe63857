/// One look at one value by a schema, with a bound on its work.
struct SchemaCheck {
  private let nodes: [JSONSchema.Node]
  private var violations: [JSONSchema.Violation] = []
  private var looksLeft = JSONSchema.maximumLooks
  /// Looks that the one in hand is part of.
  private var depth = 0
  /// Of those, the ones that ask only whether an alternative fits: nobody reads their sentences.
  private var probes = 0
  /// Work or depth is used up: nothing fits any more.
  private var isGivenUp = false

  init(nodes: [JSONSchema.Node]) { self.nodes = nodes }

  /// All that is wrong with the value; of one that takes too long, that it does.
  mutating func violations(in value: JSONValue) -> [JSONSchema.Violation] {
    look(at: value, by: 0, "")
    let giveUp = JSONSchema.Violation("", "takes too long to check against its schema")
    return isGivenUp ? [giveUp] : violations
  }

  private mutating func look(at value: JSONValue, by index: Int, _ pointer: String) {
    guard depth < JSONSchema.maximumLookDepth else {
      isGivenUp = true
      return
    }
    guard spend(1), spend(pointer) else { return }
    depth += 1
    defer { depth -= 1 }
    guard violations.count < JSONSchema.maximumViolations else { return }
    let node = nodes[index]
    if node.isNever { report(pointer, "must not be there") }
    if let types = node.types, !types.contains(where: { Self.isOf($0, value) }) {
      // What else it breaks follows from that.
      report(pointer, "must be \(Self.list(types.sorted())), not \(value.typeName)")
      return
    }
    if let values = node.values, spend(on: value), spend(values.count), !values.contains(value.normalized) {
      report(pointer, "must be one of \(Self.short(values))")
    }
    switch value {
    case .object(let members): look(at: members, by: node, pointer)
    case .array(let items): look(at: items, by: node, pointer)
    case .string(let text):
      guard node.length != nil, spend(text) else { break }
      bound(text.unicodeScalars.count, node.length, "character", pointer)
    case .integer, .double:
      let number = value.doubleValue ?? 0
      for bound in node.bounds where !bound.holds(for: number) { report(pointer, "must be \(bound.rule)") }
    case .null, .bool: break
    }
    lookInPlace(at: value, by: node, pointer)
  }

  private mutating func look(at members: [String: JSONValue], by node: JSONSchema.Node, _ pointer: String) {
    guard spend(node.required.count + members.count) else { return }
    for name in node.required where members[name] == nil {
      report("\(pointer)/\(JSONSchema.escaped(name))", "must be given")
    }
    bound(members.count, node.propertyCount, "member", pointer)
    for name in members.keys.sorted() {
      guard let value = members[name] else { continue }
      var place: String { "\(pointer)/\(JSONSchema.escaped(name))" }
      switch (node.properties[name], node.additional) {
      case (let schema?, _), (nil, .schema(let schema)): look(at: value, by: schema, place)
      case (nil, .forbidden): report(place, "is not a member that the schema knows")
      case (nil, .allowed): break
      }
    }
  }

  private mutating func look(at items: [JSONValue], by node: JSONSchema.Node, _ pointer: String) {
    bound(items.count, node.itemCount, "item", pointer)
    if node.isUnique, spend(on: .array(items)), Set(items.map(\.normalized)).count < items.count {
      report(pointer, "must not repeat an item")
    }
    guard let schema = node.items else { return }
    for (number, item) in items.enumerated() { look(at: item, by: schema, "\(pointer)/\(number)") }
  }

  private mutating func lookInPlace(at value: JSONValue, by node: JSONSchema.Node, _ pointer: String) {
    if let reference = node.reference { look(at: value, by: reference, pointer) }
    for schema in node.allOf { look(at: value, by: schema, pointer) }
    if !node.anyOf.isEmpty, !node.anyOf.contains(where: { fits(value, $0) }) {
      report(pointer, "fits none of the \(node.anyOf.count) alternatives")
    }
    if !node.oneOf.isEmpty {
      let count = node.oneOf.count { fits(value, $0) }
      if count != 1 { report(pointer, "must fit one of the \(node.oneOf.count) alternatives, and fits \(count)") }
    }
    if let not = node.not, fits(value, not) { report(pointer, "fits what it must not") }
  }

  private mutating func fits(_ value: JSONValue, _ index: Int) -> Bool {
    let kept = violations
    violations = []
    probes += 1
    look(at: value, by: index, "")
    defer {
      probes -= 1
      violations = kept
    }
    return violations.isEmpty && !isGivenUp
  }

  // MARK: bounds on the work

  /// False, and the check is over, once all is spent.
  private mutating func spend(_ work: Int) -> Bool {
    guard !isGivenUp, work <= looksLeft else {
      isGivenUp = true
      return false
    }
    looksLeft -= work
    return true
  }

  /// So many bytes of text are compared in the time of a look.
  private static let bytesPerLook = 64

  private mutating func spend(_ text: String) -> Bool { spend(text.utf8.count / Self.bytesPerLook) }

  /// For a comparison that goes through the whole value: one for each of its parts.
  private mutating func spend(on value: JSONValue) -> Bool {
    guard spend(1) else { return false }
    switch value {
    case .string(let text): return spend(text)
    case .array(let items): return items.allSatisfy { spend(on: $0) }
    case .object(let members): return members.allSatisfy { spend($0.key) && spend(on: $0.value) }
    case .null, .bool, .integer, .double: return true
    }
  }

  private mutating func bound(_ count: Int, _ range: ClosedRange<Int>?, _ noun: String, _ pointer: String) {
    guard let range, !range.contains(count) else { return }
    let isFew = count < range.lowerBound
    let most = isFew ? range.lowerBound : range.upperBound
    report(pointer, "must have at \(isFew ? "least" : "most") \(most) \(noun)\(most == 1 ? "" : "s"), not \(count)")
  }

  private mutating func report(_ pointer: @autoclosure () -> String, _ detail: @autoclosure () -> String) {
    guard violations.count < JSONSchema.maximumViolations else { return }
    violations.append(probes > 0 ? JSONSchema.Violation("", "") : JSONSchema.Violation(pointer(), detail()))
  }

  private static func isOf(_ type: String, _ value: JSONValue) -> Bool {
    switch type {
    case "integer":
      if case .double(let number) = value { return number.isFinite && number == number.rounded() }
      if case .integer = value { return true }
      return false
    default: return value.typeName == type
    }
  }

  private static func list(_ words: [String]) -> String { words.joined(separator: " or ") }

  /// The first few; a list of thousands helps nobody.
  private static func short(_ values: [JSONValue]) -> String {
    let shown = values.prefix(8).map { String($0.text.prefix(60)) }.joined(separator: ", ")
    return values.count > 8 ? "\(shown), …" : shown
  }
}
