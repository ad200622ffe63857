import AgentCore
import Testing

@Suite("A JSON Schema") struct JSONSchemaTests {
  private static func violations(_ schema: String, _ value: String) throws -> [String] {
    try JSONSchema(JSONValue(parsing: schema)).violations(in: JSONValue(parsing: value)).map {
      "\($0.pointer): \($0.detail)"
    }
  }

  @Test(
    "takes what fits",
    arguments: [
      (##"{}"##, #"[1]"#), (#"true"#, #"null"#), (##"{"type":"integer"}"##, "1.0"),
      (##"{"type":["null","string"]}"##, "null"),
      (##"{"type":"number","minimum":1,"maximum":1}"##, "1"), (##"{"exclusiveMinimum":1,"exclusiveMaximum":3}"##, "2"),
      (##"{"multipleOf":0.1}"##, "0.3"), (##"{"enum":[1,"a",null]}"##, "1.0"),
      (##"{"const":{"a":[1]}}"##, ##"{"a":[1.0]}"##),
      (##"{"minLength":1,"maxLength":1}"##, #""é""#), (##"{"items":{"type":"string"},"minItems":1}"##, #"["a"]"#),
      (##"{"uniqueItems":true}"##, "[1,2]"), (##"{"anyOf":[{"type":"string"},{"minimum":5}]}"##, "7"),
      (##"{"oneOf":[{"type":"string"},{"type":"integer"}]}"##, "7"),
      (##"{"allOf":[{"minimum":1},{"maximum":9}]}"##, "7"),
      (##"{"not":{"type":"string"}}"##, "7"), (##"{"properties":{"a":{"type":"string"}}}"##, ##"{"b":1}"##),
      (##"{"additionalProperties":{"type":"integer"},"properties":{"a":true}}"##, ##"{"a":"x","b":1}"##),
      (##"{"$ref":"#/$defs/x","$defs":{"x":{"type":"string"}}}"##, #""a""#),
      (
        ##"{"type":"object","properties":{"next":{"$ref":"#"}},"additionalProperties":false}"##,
        ##"{"next":{"next":{}}}"##
      ),
      (##"{"$ref":"#/definitions/a~1b","definitions":{"a/b":{"type":"null"}}}"##, "null"),
      (##"{"type":"string","format":"email","title":"t","default":3}"##, #""no address""#),
    ])
  func fits(schema: String, value: String) throws {
    #expect(try Self.violations(schema, value) == [])
  }

  @Test(
    "names the place and the rule of what does not fit",
    arguments: [
      (##"{"type":"integer"}"##, "1.5", ": must be integer, not number"),
      (##"{"type":"integer"}"##, "true", ": must be integer, not boolean"),
      (#"false"#, "1", ": must not be there"), (##"{"const":1,"enum":[1,2]}"##, "2", ": must be one of 1"),
      (##"{"minimum":1}"##, "0", ": must be at least 1"), (##"{"maximum":1.5}"##, "2", ": must be at most 1.5"),
      (##"{"exclusiveMinimum":1}"##, "1", ": must be above 1"),
      (##"{"exclusiveMaximum":1}"##, "1", ": must be below 1"),
      (##"{"multipleOf":3}"##, "4", ": must be a multiple of 3"),
      (##"{"minLength":2}"##, #""a""#, ": must have at least 2 characters, not 1"),
      (##"{"maxItems":1}"##, "[1,2]", ": must have at most 1 item, not 2"),
      (##"{"minProperties":1}"##, "{}", ": must have at least 1 member, not 0"),
      (##"{"uniqueItems":true}"##, "[1,1.0]", ": must not repeat an item"),
      (##"{"required":["a/b"]}"##, "{}", "/a~1b: must be given"),
      (##"{"properties":{"a":{"items":{"type":"string"}}}}"##, ##"{"a":["x",1]}"##, "/a/1: must be string, not number"),
      (##"{"additionalProperties":false}"##, ##"{"a~b":1}"##, "/a~0b: is not a member that the schema knows"),
      (##"{"anyOf":[{"type":"string"},{"minimum":5}]}"##, "3", ": fits none of the 2 alternatives"),
      (##"{"oneOf":[{"minimum":1},{"minimum":2}]}"##, "3", ": must fit one of the 2 alternatives, and fits 2"),
      (##"{"not":{"type":"number"}}"##, "3", ": fits what it must not"),
    ])
  func breaks(schema: String, value: String, violation: String) throws {
    #expect(try Self.violations(schema, value) == [violation])
  }

  @Test(
    "is refused at the place of what is not understood, and nothing of it is passed over",
    arguments: [
      ("[]", "", "a schema is an object, or true or false"),
      (##"{"pattern":"(a+)+$"}"##, "/pattern", "this keyword is not supported"),
      (##"{"properties":{"a":{"patternProperties":{}}}}"##, "/properties/a/patternProperties", "not supported"),
      (##"{"$ref":"https://example.org/s.json"}"##, "/$ref", "only a reference within this schema"),
      (##"{"$ref":"other.json"}"##, "/$ref", "only a reference within this schema"),
      (##"{"$ref":"#/$defs/none"}"##, "/$ref", "names no schema within this one"),
      (##"{"type":"text"}"##, "/type", "one of, or a list of"), (##"{"type":[]}"##, "/type", "one of, or a list of"),
      (##"{"type":["string",1]}"##, "/type", "one of, or a list of"),
      (##"{"minimum":"1"}"##, "/minimum", "a number"), (##"{"multipleOf":0}"##, "/multipleOf", "above 0"),
      (##"{"minLength":-1}"##, "/minLength", "at least 0"), (##"{"enum":[]}"##, "/enum", "not empty"),
      (##"{"minItems":3,"maxItems":2}"##, "/minItems", "the least is more than the most"),
      (##"{"required":"a"}"##, "/required", "a list of names"), (##"{"anyOf":[]}"##, "/anyOf", "not empty"),
      (##"{"items":[{}]}"##, "/items", "a schema is an object"),
      (##"{"uniqueItems":1}"##, "/uniqueItems", "true or false"),
      (##"{"required":["a"],"additionalProperties":false}"##, "/required", "'a' is required"),
      (##"{"$ref":"#"}"##, "", "leads back to itself"),
      (##"{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/a"}]}}}"##, "", "leads back to itself"),
    ])
  func refused(schema: String, pointer: String, detail: String) throws {
    let problem = #expect(throws: JSONSchema.Problem.self) { try JSONSchema(JSONValue(parsing: schema)) }
    if !detail.contains("itself") { #expect(problem?.pointer == pointer) }
    #expect(problem?.detail.contains(detail) == true, "\(String(describing: problem))")
  }

  @Test("is bounded: bytes, depth, schemas, violations")
  func bounds() throws {
    func nested(_ depth: Int) -> JSONValue { depth == 0 ? true : ["items": nested(depth - 1)] }
    #expect(throws: Never.self) { try JSONSchema(nested(JSONSchema.maximumDepth)) }
    #expect(throws: JSONSchema.Problem.self) { try JSONSchema(nested(JSONSchema.maximumDepth + 1)) }
    func wide(_ count: Int) -> JSONValue { ["anyOf": .array(Array(repeating: true, count: count))] }
    #expect(throws: Never.self) { try JSONSchema(wide(JSONSchema.maximumSubschemas - 1)) }
    #expect(throws: JSONSchema.Problem.self) { try JSONSchema(wide(JSONSchema.maximumSubschemas)) }
    func long(_ bytes: Int) -> JSONValue { ["title": .string(String(repeating: "t", count: bytes - 12))] }
    #expect(throws: Never.self) { try JSONSchema(long(JSONSchema.maximumBytes)) }
    #expect(throws: JSONSchema.Problem.self) { try JSONSchema(long(JSONSchema.maximumBytes + 1)) }
    let strings = try JSONSchema(["items": ["type": "string"]])
    let wrong = strings.violations(in: .array(Array(repeating: 1, count: 1000)))
    #expect(wrong.count == JSONSchema.maximumViolations)
  }

  @Test("whose alternatives multiply without end is given up on, and nothing fits it")
  func explosion() throws {
    let twice: JSONValue = [
      "anyOf": [["items": ["$ref": "#"], "minItems": 1], ["items": ["$ref": "#"], "maxItems": 1]],
      "type": ["array", "null"],
    ]
    func nested(_ depth: Int) -> JSONValue { depth == 0 ? "leaf" : .array([nested(depth - 1)]) }
    #expect(try !JSONSchema(twice).violations(in: nested(60)).isEmpty)
  }
}
