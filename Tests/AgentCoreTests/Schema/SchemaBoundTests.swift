import AgentCore
import Testing

/// What a caller's schema may cost the service, whatever it says.
@Suite("The work of checking a value", .timeLimit(.minutes(1))) struct SchemaBoundTests {
  private static let tooLong = JSONSchema.Violation("", "takes too long to check against its schema")

  private static func nested(_ depth: Int, _ leaf: JSONValue = "leaf") -> JSONValue {
    depth == 0 ? leaf : .array([nested(depth - 1, leaf)])
  }

  /// a0 → a1 → … → the last one, whose items begin at a0 again.
  private static func chain(_ length: Int) throws -> JSONSchema {
    var schemas: [String: JSONValue] = ["a\(length)": ["items": ["$ref": "#/$defs/a0"]]]
    for number in 0..<length { schemas["a\(number)"] = ["$ref": .string("#/$defs/a\(number + 1)")] }
    return try JSONSchema(["$defs": .object(schemas), "$ref": "#/$defs/a0"])
  }

  @Test("is bounded in depth: a long chain of references that each level of the value walks again")
  func chains() throws {
    #expect(try Self.chain(1900).violations(in: Self.nested(60)) == [Self.tooLong])
    // Also where the answer would be thrown away, and where not fitting is what is asked for.
    for keyword in ["anyOf", "oneOf", "allOf"] {
      let schemas = try #require(try Self.chain(1900).json["$defs"])
      let schema = try JSONSchema([
        "$defs": schemas, keyword: [["$ref": "#/$defs/a0"]], "not": ["not": ["$ref": "#/$defs/a0"]],
      ])
      #expect(schema.violations(in: Self.nested(60)) == [Self.tooLong])
    }
  }

  @Test("leaves room for honest depth: the deepest value, by a reference and an alternative at each level")
  func honest() throws {
    let node: JSONValue = ["anyOf": [["type": "string"], ["$ref": "#/$defs/list"]]]
    let list: JSONValue = ["type": "array", "maxItems": 1, "items": ["$ref": "#/$defs/node"]]
    let schema = try JSONSchema(["$defs": ["node": node, "list": list], "$ref": "#/$defs/node"])
    #expect(schema.violations(in: Self.nested(JSONValue.maximumDepth)).isEmpty)
    #expect(!schema.violations(in: Self.nested(JSONValue.maximumDepth, 1)).isEmpty)
    #expect(try Self.chain(6).violations(in: Self.nested(60)).isEmpty)
  }

  static let comparisons: [JSONValue] = [
    ["enum": [["a"]]], ["const": ["a"]], ["uniqueItems": true, "maxItems": 0], ["items": ["minLength": 200_000]],
  ]

  @Test("counts what a comparison goes through, alternative by alternative", arguments: comparisons)
  func compared(alternative: JSONValue) throws {
    let schema = try JSONSchema(["anyOf": .array(Array(repeating: alternative, count: 900))])
    let items = (0..<10_000).map { JSONValue.string("item \($0)") }
    let text = JSONValue.string(String(repeating: "x", count: 100_000))
    #expect(schema.violations(in: .array(items + [text])) == [Self.tooLong])
  }

  @Test("counts long names, whose places in the value are long too")
  func names() throws {
    let alternative: JSONValue = ["additionalProperties": ["type": "string"]]
    let schema = try JSONSchema(["anyOf": .array(Array(repeating: alternative, count: 900))])
    let members = (0..<100).map { (String(repeating: "n", count: 50_000) + "\($0)", JSONValue.null) }
    let value = JSONValue.object(Dictionary(uniqueKeysWithValues: members))
    #expect(schema.violations(in: value) == [Self.tooLong])
  }

  @Test("leaves room for a large honest answer")
  func large() throws {
    let schema = try JSONSchema([
      "type": "array", "uniqueItems": true,
      "items": [
        "type": "object", "required": ["kind", "text"], "additionalProperties": false,
        "properties": ["kind": ["enum": ["a", "b", "c"]], "text": ["type": "string", "maxLength": 1000]],
      ],
    ])
    let items = (0..<10_000).map { JSONValue.object(["kind": "b", "text": .string("text \($0)")]) }
    #expect(schema.violations(in: .array(items)).isEmpty)
  }
}
