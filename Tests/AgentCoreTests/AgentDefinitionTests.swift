import AgentCore
import Testing

@Suite("Agents, limits, secrets")
struct AgentDefinitionTests {
  static let definitions = [
    AgentDefinition(id: "a", instructions: "i", tools: []),
    AgentDefinition(
      id: "b", description: "d", instructions: "l1\nl2 \"q\"", provider: "p", model: "m", tools: ["file.read", "x"],
      concurrency: 9, limits: TaskLimits(steps: 1, modelCalls: 2, tokens: 3, wallTime: .milliseconds(1500)),
      temperature: 0.7, maxOutputTokens: 5, contextTokens: 6, allowHosts: ["h", "10.0.0.0/8"]),
    AgentDefinition(id: "c", instructions: "", tools: [], limits: TaskLimits(), temperature: 0),
    AgentDefinition(id: "d", instructions: "i", tools: [], limits: TaskLimits(tokens: .max), temperature: 2),
  ]

  @Test("a definition comes back from its JSON, through text too", arguments: definitions)
  func roundTrip(_ definition: AgentDefinition) throws {
    #expect(AgentDefinition(json: definition.json) == definition)
    #expect(AgentDefinition(json: try JSONValue(parsing: definition.json.encoded())) == definition)
  }

  @Test(
    "a definition without a member that it needs is none",
    arguments: ["id", "instructions", "tools", "concurrency", "max_output_tokens", "context_tokens"])
  func missing(_ member: String) {
    var members = Self.definitions[0].json.objectValue ?? [:]
    members[member] = nil
    #expect(AgentDefinition(json: .object(members)) == nil)
  }

  @Test("equal definitions have equal text, different ones different")
  func text() {
    #expect(Set(Self.definitions.map(\.json.text)).count == Self.definitions.count)
    #expect(Self.definitions[1].json.text == Self.definitions[1].json.text)
  }

  @Test(
    "limits come back from their JSON to the millisecond",
    arguments: [1, 999, 1001, 1500, 900_000, 604_799_999, 86_399_123])
  func limits(_ milliseconds: Int64) throws {
    let limits = TaskLimits(steps: 5, modelCalls: nil, tokens: 1, wallTime: .milliseconds(milliseconds))
    #expect(TaskLimits(json: limits.json) == limits)
    #expect(TaskLimits(json: try JSONValue(parsing: limits.json.encoded())) == limits)
  }

  @Test("every wall time of the first seconds comes back")
  func wallTimes() {
    let lost = (Int64(0)...5000).filter { milliseconds in
      let limits = TaskLimits(wallTime: .milliseconds(milliseconds))
      return TaskLimits(json: limits.json) != limits
    }
    #expect(lost.isEmpty)
  }

  @Test("a wall time beyond all measure does not end the process")
  func hugeWallTime() async {
    await #expect(processExitsWith: .success) { _ = TaskLimits(json: ["wall_time_seconds": .double(1e300)]) }
  }

  @Test("limits narrow and never widen")
  func narrowed() {
    let agent = TaskLimits(steps: 50, modelCalls: 40, tokens: nil, wallTime: .seconds(900))
    let task = TaskLimits(steps: 10, modelCalls: 100, tokens: 5, wallTime: nil)
    let both = TaskLimits(steps: 10, modelCalls: 40, tokens: 5, wallTime: .seconds(900))
    #expect(agent.narrowed(by: task) == both)
    #expect(task.narrowed(by: agent) == both)
    #expect(agent.narrowed(by: TaskLimits()) == agent)
    #expect(TaskLimits().narrowed(by: TaskLimits()) == TaskLimits())
  }

  @Test("limits that are no limits are none")
  func empty() {
    #expect(TaskLimits(json: .null) == TaskLimits())
    #expect(TaskLimits(json: [:]) == TaskLimits())
    #expect(TaskLimits().json == [:])
  }

  @Test("a secret shows itself to nobody who does not ask by name")
  func secret() {
    struct Login { var name = "n"; var key = Secret("hunter2") }
    let secret = Secret("hunter2")
    var dumped = ""
    dump(Login(), to: &dumped)
    let shown = [
      "\(secret)", String(reflecting: secret), String(describing: Optional(secret)), "\([secret])", "\(Login())",
      dumped,
    ]
    for text in shown { #expect(!text.contains("hunter2"), "\(text)") }
    #expect("\(secret)" == "[secret]")
    #expect(secret.reveal() == "hunter2")
    #expect(!((secret as Any) is any Encodable))
  }

  @Test(
    "secrets are equal by their bytes",
    arguments: [("a", "a", true), ("a", "b", false), ("a", "aa", false), ("", "", true), ("\u{E9}", "e\u{301}", false)])
  func equality(_ left: String, _ right: String, _ areEqual: Bool) {
    #expect((Secret(left) == Secret(right)) == areEqual)
  }
}
