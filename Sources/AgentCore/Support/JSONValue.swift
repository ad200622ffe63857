/// One JSON value (RFC 8259), the shape in which everything a caller, a model or a tool wrote travels inside.
///
/// Numbers without a fraction or exponent that fit 64 bits are `integer`; all others are `double`. Members of an
/// object have no order: encoding sorts them, so that equal values have equal bytes and digests.
package enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case integer(Int64)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
  }
  package init(nilLiteral: ()) { self = .null }
}

extension JSONValue {
  /// A string, or JSON null where there is none.
  package init(_ text: String?) { self = text.map(JSONValue.string) ?? .null }

  /// An integer, or JSON null where there is none.
  package init(_ number: Int?) { self = number.map { .integer(Int64($0)) } ?? .null }

  /// The member of that name; nil for a missing member and for every value that is not an object.
  package subscript(member: String) -> JSONValue? {
    if case .object(let members) = self { members[member] } else { nil }
  }

  package var stringValue: String? { if case .string(let text) = self { text } else { nil } }
  package var boolValue: Bool? { if case .bool(let flag) = self { flag } else { nil } }
  package var arrayValue: [JSONValue]? { if case .array(let items) = self { items } else { nil } }
  package var objectValue: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }
  package var isNull: Bool { self == .null }

  /// The number as an integer: also a `double` that is whole and fits.
  package var integerValue: Int64? {
    switch self {
    case .integer(let number): number
    case .double(let number): Int64(exactly: number)
    default: nil
    }
  }

  package var doubleValue: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .double(let number): number
    default: nil
    }
  }

  /// Calls itself "string", "object", … as error texts for callers do.
  package var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .integer, .double: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }
}
