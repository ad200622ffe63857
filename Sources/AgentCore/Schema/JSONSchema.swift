/// A JSON Schema (draft 2020-12) of the keywords listed in `Keyword`, read once, to hold values to.
///
/// What it does not know it refuses when it is read: a keyword that is passed over would let through what it forbids.
/// `pattern` is among them (a regular expression can be made to run for years), as is a `$ref` out of the schema.
package struct JSONSchema: Sendable, Hashable {
  /// Why a schema is not taken.
  package struct Problem: Error, Sendable, Hashable {
    /// JSON Pointer (RFC 6901) into the schema; empty: the schema itself.
    package var pointer: String
    package var detail: String
    package init(_ pointer: String, _ detail: String) { (self.pointer, self.detail) = (pointer, detail) }
  }

  /// Where a value does not fit.
  package struct Violation: Sendable, Hashable {
    /// JSON Pointer into the value; empty: the value itself.
    package var pointer: String
    package var detail: String
    package init(_ pointer: String, _ detail: String) { (self.pointer, self.detail) = (pointer, detail) }
  }

  /// As much as a careful schema of a large form takes; it travels with every call of its task.
  package static let maximumBytes = 64 * 1024
  /// Deeper ones are written by mistake or in malice.
  package static let maximumDepth = 32
  /// Schemas within the schema.
  package static let maximumSubschemas = 2000
  /// Past it, what else is wrong is of no use to anyone.
  package static let maximumViolations = 20
  /// Looks of one schema at one value, and what else of it is compared. Alternatives within alternatives multiply them;
  /// honest ones take some thousand.
  package static let maximumLooks = 1_000_000
  /// Looks within looks: a value lies at most 64 deep (`JSONValue.maximumDepth`), and honest schemas look at each part
  /// of it some three times, by a reference and an alternative. Each takes some of the thread's stack.
  package static let maximumLookDepth = 512

  /// As it was given.
  package let json: JSONValue
  let nodes: [Node]

  /// Throws the first thing that is wrong with it.
  package init(_ json: JSONValue) throws(Problem) {
    guard json.encoded().count <= Self.maximumBytes else {
      throw Problem("", "a schema has at most \(Self.maximumBytes) bytes")
    }
    var reading = SchemaReading(root: json)
    try reading.readAll()
    (self.json, nodes) = (json, reading.nodes)
  }

  /// What is wrong with that value, at most `maximumViolations`; empty when it fits.
  package func violations(in value: JSONValue) -> [Violation] {
    var check = SchemaCheck(nodes: nodes)
    return check.violations(in: value)
  }

  /// Every keyword that is understood; other members are refused.
  enum Keyword: String, CaseIterable {
    case type, `enum`, const, properties, required, additionalProperties, minProperties, maxProperties
    case items, minItems, maxItems, uniqueItems, minLength, maxLength
    case minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf
    case anyOf, oneOf, allOf, not
    case ref = "$ref"
    case defs = "$defs"
    case definitions
    // These say nothing that a value could break.
    case title, description, `default`, examples, deprecated, readOnly, writeOnly, format
    case comment = "$comment"
    case dialect = "$schema"
  }

  /// One schema; others are named by their place in `JSONSchema.nodes`.
  struct Node: Sendable, Hashable {
    enum Extra: Sendable, Hashable {
      case allowed, forbidden
      case schema(Int)
    }
    /// `false`: nothing fits.
    var isNever = false
    var types: Set<String>?
    var values: [JSONValue]?
    var properties: [String: Int] = [:]
    var required: [String] = []
    var additional = Extra.allowed
    var items: Int?
    var propertyCount: ClosedRange<Int>?
    var itemCount: ClosedRange<Int>?
    var length: ClosedRange<Int>?
    var isUnique = false
    var bounds: [Bound] = []
    var anyOf: [Int] = []
    var oneOf: [Int] = []
    var allOf: [Int] = []
    var not: Int?
    var reference: Int?

    /// Those that look at the same value again.
    var inPlace: [Int] { anyOf + oneOf + allOf + [not, reference].compactMap(\.self) }
  }

  enum Bound: Sendable, Hashable {
    case minimum(Double), maximum(Double), above(Double), below(Double), multiple(Double)

    func holds(for number: Double) -> Bool {
      switch self {
      case .minimum(let bound): return number >= bound
      case .maximum(let bound): return number <= bound
      case .above(let bound): return number > bound
      case .below(let bound): return number < bound
      case .multiple(let unit):
        // 0.3 is a multiple of 0.1 to everybody but binary fractions.
        let quotient = number / unit
        return quotient.isFinite && abs(quotient - quotient.rounded()) <= 1e-9 * max(1, abs(quotient))
      }
    }

    var rule: String {
      switch self {
      case .minimum(let bound): "at least \(Self.text(bound))"
      case .maximum(let bound): "at most \(Self.text(bound))"
      case .above(let bound): "above \(Self.text(bound))"
      case .below(let bound): "below \(Self.text(bound))"
      case .multiple(let unit): "a multiple of \(Self.text(unit))"
      }
    }

    private static func text(_ number: Double) -> String { Int64(exactly: number).map { "\($0)" } ?? "\(number)" }
  }

  /// A member's name as a part of a JSON Pointer (RFC 6901, section 3).
  static func escaped(_ name: String) -> String {
    name.replacing("~", with: "~0").replacing("/", with: "~1")
  }
}

extension JSONValue {
  /// Equal to every value that JSON Schema takes for the same: `1` and `1.0` are one number.
  var normalized: JSONValue {
    switch self {
    case .double(let number): Int64(exactly: number).map(JSONValue.integer) ?? self
    case .array(let items): .array(items.map(\.normalized))
    case .object(let members): .object(members.mapValues(\.normalized))
    default: self
    }
  }
}
