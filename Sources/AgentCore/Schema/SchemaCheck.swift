/// One look at one value by a schema, with a bound on its work.
struct SchemaCheck {
  private let nodes: [JSONSchema.Node]
  private(set) var violations: [JSONSchema.Violation] = []
  private var looksLeft = JSONSchema.maximumLooks
  private var isTold = false

  init(nodes: [JSONSchema.Node]) { self.nodes = nodes }

  mutating func look(at value: JSONValue, by index: Int, _ pointer: String) {
    guard looksLeft > 0 else {
      if !isTold { violations.append(JSONSchema.Violation(pointer, "takes too long to check against its schema")) }
      isTold = true
      return
    }
    looksLeft -= 1
    guard violations.count < JSONSchema.maximumViolations else { return }
    let node = nodes[index]
    if node.isNever { report(pointer, "must not be there") }
    if let types = node.types, !types.contains(where: { Self.isOf($0, value) }) {
      // What else it breaks follows from that.
      report(pointer, "must be \(Self.list(types.sorted())), not \(value.typeName)")
      return
    }
    if let values = node.values, !values.contains(value.normalized) {
      report(pointer, "must be one of \(Self.short(values))")
    }
    switch value {
    case .object(let members): look(at: members, by: node, pointer)
    case .array(let items): look(at: items, by: node, pointer)
    case .string(let text): bound(text.unicodeScalars.count, node.length, "character", pointer)
    case .integer, .double:
      let number = value.doubleValue ?? 0
      for bound in node.bounds where !bound.holds(for: number) { report(pointer, "must be \(bound.rule)") }
    case .null, .bool: break
    }
    lookInPlace(at: value, by: node, pointer)
  }

  private mutating func look(at members: [String: JSONValue], by node: JSONSchema.Node, _ pointer: String) {
    for name in node.required where members[name] == nil {
      report("\(pointer)/\(JSONSchema.escaped(name))", "must be given")
    }
    bound(members.count, node.propertyCount, "member", pointer)
    for name in members.keys.sorted() {
      guard let value = members[name] else { continue }
      let place = "\(pointer)/\(JSONSchema.escaped(name))"
      if let property = node.properties[name] {
        look(at: value, by: property, place)
        continue
      }
      switch node.additional {
      case .allowed: break
      case .forbidden: report(place, "is not a member that the schema knows")
      case .schema(let index): look(at: value, by: index, place)
      }
    }
  }

  private mutating func look(at items: [JSONValue], by node: JSONSchema.Node, _ pointer: String) {
    bound(items.count, node.itemCount, "item", pointer)
    if node.isUnique, Set(items.map(\.normalized)).count < items.count { report(pointer, "must not repeat an item") }
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

  /// Out of looks, nothing fits.
  private mutating func fits(_ value: JSONValue, _ index: Int) -> Bool {
    let (kept, wasTold) = (violations, isTold)
    violations = []
    look(at: value, by: index, "")
    defer { (violations, isTold) = (kept, wasTold) }
    return violations.isEmpty && looksLeft > 0
  }

  private mutating func bound(_ count: Int, _ range: ClosedRange<Int>?, _ noun: String, _ pointer: String) {
    guard let range, !range.contains(count) else { return }
    let isFew = count < range.lowerBound
    let most = isFew ? range.lowerBound : range.upperBound
    report(pointer, "must have at \(isFew ? "least" : "most") \(most) \(noun)\(most == 1 ? "" : "s"), not \(count)")
  }

  private mutating func report(_ pointer: String, _ detail: String) {
    guard violations.count < JSONSchema.maximumViolations else { return }
    violations.append(JSONSchema.Violation(pointer, detail))
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
