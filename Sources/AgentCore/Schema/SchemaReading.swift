/// One pass over a schema's text: checks every keyword and lists all schemas in it, the root first.
struct SchemaReading {
  private typealias Keyword = JSONSchema.Keyword
  private typealias Problem = JSONSchema.Problem

  private(set) var nodes: [JSONSchema.Node] = []
  private let root: JSONValue
  /// By JSON Pointer; what a `$ref` may name.
  private var places: [String: Int] = [:]
  private var references: [(node: Int, target: String, pointer: String)] = []

  init(root: JSONValue) { self.root = root }

  mutating func readAll() throws(JSONSchema.Problem) {
    _ = try read(root, "", depth: 0)
    for reference in references {
      guard let target = places[reference.target] else {
        throw Problem(reference.pointer, "names no schema within this one: only '#', '#/$defs/NAME' and the like")
      }
      nodes[reference.node].reference = target
    }
    try refuseCircles()
  }

  private mutating func read(
    _ json: JSONValue, _ pointer: String, depth: Int
  ) throws(JSONSchema.Problem) -> Int {
    guard depth <= JSONSchema.maximumDepth else {
      throw Problem(pointer, "schemas lie at most \(JSONSchema.maximumDepth) deep")
    }
    guard nodes.count < JSONSchema.maximumSubschemas else {
      throw Problem(pointer, "at most \(JSONSchema.maximumSubschemas) schemas in one")
    }
    let index = nodes.count
    nodes.append(JSONSchema.Node())
    places[pointer] = index
    switch json {
    case .bool(let isAny): nodes[index].isNever = !isAny
    case .object(let members):
      for name in members.keys.sorted() {
        guard let keyword = Keyword(rawValue: name), let value = members[name] else {
          throw Problem("\(pointer)/\(JSONSchema.escaped(name))", "this keyword is not supported")
        }
        try read(keyword, value, of: index, "\(pointer)/\(JSONSchema.escaped(name))", depth: depth + 1)
      }
      try checkRequired(index, pointer)
    default: throw Problem(pointer, "a schema is an object, or true or false")
    }
    return index
  }

  private mutating func read(
    _ keyword: JSONSchema.Keyword, _ value: JSONValue, of index: Int, _ pointer: String, depth: Int
  ) throws(JSONSchema.Problem) {
    switch keyword {
    case .title, .description, .default, .examples, .deprecated, .readOnly, .writeOnly, .format, .comment, .dialect:
      break
    case .type: nodes[index].types = try types(value, pointer)
    case .enum:
      guard let values = value.arrayValue, !values.isEmpty else { throw Problem(pointer, "a list that is not empty") }
      narrow(index, to: values)
    case .const: narrow(index, to: [value])
    case .properties, .defs, .definitions:
      let schemas = try named(value, pointer, depth: depth)
      if keyword == .properties { nodes[index].properties = schemas }
    case .required: nodes[index].required = try names(value, pointer)
    case .additionalProperties:
      switch value {
      case .bool(let isAllowed): nodes[index].additional = isAllowed ? .allowed : .forbidden
      default: nodes[index].additional = .schema(try read(value, pointer, depth: depth))
      }
    case .items: nodes[index].items = try read(value, pointer, depth: depth)
    case .not: nodes[index].not = try read(value, pointer, depth: depth)
    case .anyOf: nodes[index].anyOf = try list(value, pointer, depth: depth)
    case .oneOf: nodes[index].oneOf = try list(value, pointer, depth: depth)
    case .allOf: nodes[index].allOf = try list(value, pointer, depth: depth)
    case .ref:
      guard let target = value.stringValue, target == "#" || target.hasPrefix("#/") else {
        throw Problem(pointer, "only a reference within this schema, as in '#/$defs/NAME'")
      }
      references.append((index, String(target.dropFirst()), pointer))
    default: try readBound(keyword, value, of: index, pointer)
    }
  }

  private mutating func readBound(
    _ keyword: JSONSchema.Keyword, _ value: JSONValue, of index: Int, _ pointer: String
  ) throws(JSONSchema.Problem) {
    switch keyword {
    case .uniqueItems:
      guard let flag = value.boolValue else { throw Problem(pointer, "true or false") }
      nodes[index].isUnique = flag
    case .minProperties, .minItems, .minLength, .maxProperties, .maxItems, .maxLength:
      guard let count = value.integerValue, count >= 0 else { throw Problem(pointer, "a whole number, at least 0") }
      let isLeast = [.minProperties, .minItems, .minLength].contains(keyword)
      let range = isLeast ? Int(count)...Int.max : 0...Int(count)
      switch keyword {
      case .minProperties, .maxProperties: try narrow(\.propertyCount, of: index, to: range, pointer)
      case .minItems, .maxItems: try narrow(\.itemCount, of: index, to: range, pointer)
      default: try narrow(\.length, of: index, to: range, pointer)
      }
    default:
      guard let number = value.doubleValue else { throw Problem(pointer, "a number") }
      switch keyword {
      case .minimum: nodes[index].bounds.append(.minimum(number))
      case .maximum: nodes[index].bounds.append(.maximum(number))
      case .exclusiveMinimum: nodes[index].bounds.append(.above(number))
      case .exclusiveMaximum: nodes[index].bounds.append(.below(number))
      default:
        guard number > 0 else { throw Problem(pointer, "a number above 0") }
        nodes[index].bounds.append(.multiple(number))
      }
    }
  }

  private mutating func narrow(_ index: Int, to values: [JSONValue]) {
    let values = values.map(\.normalized)
    nodes[index].values = nodes[index].values.map { earlier in earlier.filter(values.contains) } ?? values
  }

  private mutating func narrow(
    _ member: WritableKeyPath<JSONSchema.Node, ClosedRange<Int>?>, of index: Int, to range: ClosedRange<Int>,
    _ pointer: String
  ) throws(JSONSchema.Problem) {
    guard let earlier = nodes[index][keyPath: member] else {
      nodes[index][keyPath: member] = range
      return
    }
    let (lower, upper) = (
      max(earlier.lowerBound, range.lowerBound), min(earlier.upperBound, range.upperBound)
    )
    guard lower <= upper else { throw Problem(pointer, "the least is more than the most") }
    nodes[index][keyPath: member] = lower...upper
  }

  private func types(_ value: JSONValue, _ pointer: String) throws(JSONSchema.Problem) -> Set<String> {
    let all: Set = ["null", "boolean", "integer", "number", "string", "array", "object"]
    let names = value.stringValue.map { [$0] } ?? (value.arrayValue ?? []).compactMap(\.stringValue)
    guard !names.isEmpty, names.count == value.arrayValue?.count ?? 1, all.isSuperset(of: names) else {
      throw Problem(pointer, "one of, or a list of: \(all.sorted().joined(separator: ", "))")
    }
    return Set(names)
  }

  private func names(_ value: JSONValue, _ pointer: String) throws(JSONSchema.Problem) -> [String] {
    guard let items = value.arrayValue, items.allSatisfy({ $0.stringValue != nil }) else {
      throw Problem(pointer, "a list of names")
    }
    return items.compactMap(\.stringValue)
  }

  private mutating func named(
    _ value: JSONValue, _ pointer: String, depth: Int
  ) throws(JSONSchema.Problem) -> [String: Int] {
    guard let members = value.objectValue else { throw Problem(pointer, "an object of schemas") }
    var schemas: [String: Int] = [:]
    for name in members.keys.sorted() {
      schemas[name] = try read(members[name] ?? .null, "\(pointer)/\(JSONSchema.escaped(name))", depth: depth)
    }
    return schemas
  }

  private mutating func list(
    _ value: JSONValue, _ pointer: String, depth: Int
  ) throws(JSONSchema.Problem) -> [Int] {
    guard let items = value.arrayValue, !items.isEmpty else {
      throw Problem(pointer, "a list of schemas that is not empty")
    }
    var schemas: [Int] = []
    for (number, item) in items.enumerated() {
      schemas.append(try read(item, "\(pointer)/\(number)", depth: depth))
    }
    return schemas
  }

  /// A member that must be there and may not: no answer would ever fit.
  private func checkRequired(_ index: Int, _ pointer: String) throws(JSONSchema.Problem) {
    guard nodes[index].additional == .forbidden else { return }
    if let lost = nodes[index].required.first(where: { nodes[index].properties[$0] == nil }) {
      throw Problem("\(pointer)/required", "'\(lost)' is required, but no property and no other member is allowed")
    }
  }

  /// A schema that leads back to itself without going into the value would be looked at for ever.
  private func refuseCircles() throws(JSONSchema.Problem) {
    var isSettled = Array(repeating: false, count: nodes.count)
    for start in nodes.indices where !isSettled[start] {
      // A walk with its path: `next` is how many of a node's schemas it has gone into.
      var path: [(node: Int, next: Int)] = [(start, 0)]
      var isOnPath: Set<Int> = [start]
      while let (node, next) = path.last {
        let inPlace = nodes[node].inPlace
        guard next < inPlace.count else {
          isSettled[node] = true
          isOnPath.remove(node)
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let target = inPlace[next]
        if isOnPath.contains(target) {
          throw Problem(places.first { $0.value == node }?.key ?? "", "this schema leads back to itself")
        }
        guard !isSettled[target] else { continue }
        isOnPath.insert(target)
        path.append((target, 0))
      }
    }
  }
}
