import AgentConfig
import AgentCore
import Testing

@Suite("agents.yaml")
struct AgentSettingsTests {
  private static let whole = """
    agents:
      tester:
        description: tests
        instructions: |
          Test ${everything}.
        provider: double
        model: "4"
        tools: [file.read, http.request]
        concurrency: 2
        limits: {steps: 5, model_calls: 4, tokens: 1000, wall_time: 1.5}
        temperature: 0
        max_output_tokens: 10
        context_tokens: 2000
        allow_hosts: [example.org, "127.0.0.1:9000", 10.1.0.0/16, "[::1]:80", "fd00::/8"]
      second:
        instructions: x
        provider: default
        model: null
        temperature: null
    """
  private static let providers = "providers: {double: {type: sandbox}}"

  @Test("every key is read into its setting, in the order of the file, and it is the whole list")
  func whole() throws {
    let agents = try ConfigFixture(["agents.yaml": Self.whole, "providers.yaml": Self.providers]).load().agents
    let tester = AgentDefinition(
      id: "tester", description: "tests", instructions: "Test ${everything}.\n", provider: "double", model: "4",
      tools: ["file.read", "http.request"], concurrency: 2,
      limits: TaskLimits(steps: 5, modelCalls: 4, tokens: 1000, wallTime: .milliseconds(1500)), temperature: 0,
      maxOutputTokens: 10, contextTokens: 2000,
      allowHosts: ["example.org", "127.0.0.1:9000", "10.1.0.0/16", "[::1]:80", "fd00::/8"])
    #expect(agents == [tester, AgentDefinition(id: "second", instructions: "x", tools: [])])
  }

  @Test("the declared defaults are the defaults")
  func declaredDefaults() throws {
    var lines = ["agents:", "  a:", "    instructions: x"]
    for key in AgentSettings.keys where key.path.hasPrefix("agents.*.") {
      let depth = key.path.split(separator: ".").count
      switch key.need {
      case _ where key.name == "instructions": continue
      case .defaults("{}") where key.type == .section: lines.append("    \(key.name):")
      case .defaults(let value): lines.append(String(repeating: "  ", count: depth - 1) + "\(key.name): \(value)")
      case .nullable: lines.append("    \(key.name): null")
      default: continue
      }
    }
    let text = lines.joined(separator: "\n")
    let agents = try ConfigFixture(["agents.yaml": text]).load().agents
    #expect(agents == [AgentDefinition(id: "a", instructions: "x", tools: [])])
    #expect(lines.count == 19)
  }

  static let refusals = [
    Refusal("", "1:1 config_invalid", "'agents' must be given"),
    Refusal("# nothing\n", "1:1 config_invalid", "'agents' must be given"),
    Refusal("agents:\n", "1:1 config_invalid", "'agents' has no value"),
    Refusal("agents: [a]\n", "1:9 config_invalid", "must be a mapping from names, not a list"),
    Refusal("agent: {}\nagents: {a: {instructions: x}}\n", "1:1 config_invalid", "did you mean 'agents'?"),
    Refusal("agents:\n  a:\n", "2:5 config_invalid", "'agents.a' must be a mapping, not null"),
    Refusal("agents:\n  a: {}\n", "2:6 config_invalid", "'agents.a.instructions' must be given"),
    Refusal("agents:\n  a: {instructions: ' '}\n", "2:21 config_invalid", "says nothing"),
    Refusal("agents:\n  status: {instructions: x}\n", "2:3 config_invalid", "'status' is a reserved name"),
    Refusal("agents:\n  a b: {instructions: x}\n", "2:3 config_invalid", "'a b' is no name"),
    Refusal("agents:\n  -a: {instructions: x}\n", "2:3 config_invalid", "is no name"),
    Refusal(
      "agents:\n  a: {instructions: x, tool: []}\n", "2:24 config_invalid",
      "unknown key 'agents.a.tool'; did you mean 'tools'?"),
    Refusal(
      "agents:\n  a: {instructions: x, steps: 3}\n", "2:24 config_invalid", "did you mean 'agents.*.limits.steps'?"),
    Refusal("agents:\n  a: {instructions: x, limits: {step: 3}}\n", "2:33 config_invalid", "did you mean 'steps'?"),
    Refusal("agents:\n  a: {instructions: x, limits: {steps: 0}}\n", "2:40 config_invalid", "between 1 and 10000"),
    Refusal(
      "agents:\n  a: {instructions: x, limits: {wall_time: 15x}}\n", "2:44 config_invalid", "it must be a duration"),
    Refusal("agents:\n  a: {instructions: x, limits: {wall_time: 0}}\n", "2:44 config_invalid", "between 1s and 168h"),
    Refusal("agents:\n  a: {instructions: x, limits: {wall_time: -5}}\n", "2:44 config_invalid", "between 1s and 168h"),
    Refusal(
      "agents:\n  a: {instructions: x, limits: {wall_time: 1:30}}\n", "2:44 config_invalid",
      "'1:30' is a number to some"),
    Refusal(
      "agents:\n  a: {instructions: x, tools: [file.raed]}\n", "2:32 config_invalid",
      "there is no tool 'file.raed'; did you mean 'file.read'?"),
    Refusal("agents:\n  a: {instructions: x, tools: [file.read, file.read]}\n", "2:43 config_invalid", "stands twice"),
    Refusal("agents:\n  a: {instructions: x, tools: [1]}\n", "2:32 config_invalid", "there is no tool '1'"),
    Refusal("agents:\n  a: {instructions: x, provider: open}\n", "2:34 config_invalid", "names no provider: 'open'"),
    Refusal("agents:\n  a: {instructions: x, provider: sandbx}\n", "2:34 config_invalid", "did you mean 'sandbox'?"),
    Refusal("agents:\n  a: {instructions: x, model: m}\n", "2:24 config_invalid", "names a model, and no provider"),
    Refusal(
      "agents:\n  a: {instructions: x, provider: default, model: m}\n", "2:43 config_invalid",
      "names a model, and no provider"),
    Refusal("agents:\n  a: {instructions: x, model: ''}\n", "2:31 config_invalid", "is empty"),
    Refusal("agents:\n  a: {instructions: x, model: '${M}'}\n", "2:31 config_variable_unset", "variable M"),
    Refusal("agents:\n  a: {instructions: x, description: '${M}'}\n", "2:37 config_variable_unset", "variable M"),
    Refusal("agents:\n  a: {instructions: x, temperature: 2.5}\n", "2:37 config_invalid", "between 0.0 and 2.0"),
    Refusal("agents:\n  a: {instructions: x, temperature: .nan}\n", "2:37 config_invalid", "no finite number"),
    Refusal(
      "agents:\n  a: {instructions: x, temperature: '1x'}\n", "2:37 config_invalid", "must be a number, not text"),
    Refusal(
      "agents:\n  a: {instructions: x, body: {messages: []}}\n", "2:30 config_invalid",
      "'messages' is set by the service"),
    Refusal(
      "agents:\n  a: {instructions: x, body: {max_tokens: null}}\n", "2:30 config_invalid", "'max_tokens' is set by"),
    Refusal("agents:\n  a: {instructions: x, body: [1]}\n", "2:30 config_invalid", "must be a mapping, not a list"),
    Refusal(
      "agents:\n  a: {instructions: x, instructions_file: i.md}\n", "2:43 config_invalid",
      "has both 'instructions' and 'instructions_file'"),
    Refusal("agents:\n  a: {instructions_file: i.md}\n", "2:26 config_invalid", "there is no file 'i.md'"),
    Refusal("agents:\n  a: {instructions_file: /etc/hostname}\n", "2:26 config_invalid", "must be relative"),
    Refusal("agents:\n  a: {instructions_file: a/../../i.md}\n", "2:26 config_invalid", "without '..'"),
    Refusal("agents:\n  a: {instructions: x, concurrency: 0}\n", "2:37 config_invalid", "between 1 and 1000"),
    Refusal("agents:\n  a: {instructions: x, allow_hosts: [10.0.0.1]}\n", "2:38 config_invalid", "is none of"),
    Refusal("agents:\n  a: {instructions: x, allow_hosts: [10.0.0.0/33]}\n", "2:38 config_invalid", "is none of"),
    Refusal("agents:\n  a: {instructions: x, allow_hosts: ['http://a']}\n", "2:38 config_invalid", "is none of"),
    Refusal("agents:\n  a: {instructions: x, allow_hosts: ['127.0.0.1:0']}\n", "2:38 config_invalid", "is none of"),
    Refusal("agents:\n  a: {instructions: x, allow_hosts: ['10.1.2.3/16']}\n", "2:38 config_invalid", "is none of"),
    Refusal("agents:\n  a: {instructions: x, allow_hosts: ['10.0.0.0/08']}\n", "2:38 config_invalid", "is none of"),
    Refusal("agents:\n  a: {instructions: x, allow_hosts: ['0x7f']}\n", "2:38 config_invalid", "is none of"),
  ]

  @Test("each mistake is refused at its place", arguments: refusals)
  func refused(_ refusal: Refusal) throws {
    let issues = try ConfigFixture(["agents.yaml": refusal.text]).issues()
    let issue = try #require(issues.first)
    #expect(issues.count == 1)
    #expect("\(issue.file):\(issue.line):\(issue.column) \(issue.code.rawValue)" == "agents.yaml:" + refusal.place)
    #expect(issue.message.contains(refusal.message), "\(issue.message)")
  }

  @Test("instructions may stand in a file of the folder, as they are, and body takes any members")
  func instructionsFile() throws {
    let fixture = try ConfigFixture([
      "agents.yaml": """
      agents:
        a: {instructions_file: a.yaml, body: {reasoning_effort: high, temperature: null, n: "${N}"}}
      """, "a.yaml": "Say ${this}.\n",
    ])
    let loaded = try fixture.load(["N": "7"])
    #expect(loaded.agents[0].instructions == "Say ${this}.\n")
    #expect(loaded.agents[0].body == ["reasoning_effort": "high", "temperature": nil, "n": "7"])
    #expect(loaded.warnings.isEmpty)
  }

  @Test("a file of instructions that says nothing, is no text or too long is refused by its name")
  func badInstructionsFile() throws {
    let agents = "agents:\n  a: {instructions_file: ./i.md}\n"
    let fixture = try ConfigFixture(["agents.yaml": agents, "i.md": " \n"])
    #expect(fixture.issues().map(\.message) == ["'agents.a.instructions_file' says nothing"])
    try fixture.write("i.md", [0xFF])
    #expect(fixture.issues().map { "\($0.file) \($0.message)" }.contains("./i.md is not UTF-8"))
    try fixture.write("i.md", [UInt8](repeating: 0x61, count: 256 * 1024 + 1))
    #expect(fixture.issues().map(\.message) == ["has 262145 bytes; 262144 is the most"])
  }

  @Test("a tool that this build was made without is not supported, not unknown")
  func missingTool() throws {
    let fixture = try ConfigFixture(["agents.yaml": "agents:\n  a: {instructions: x, tools: [http.request]}\n"])
    let error = #expect(throws: ConfigError.self) { try ConfigFolder.load(fixture.folder.path, tools: ["file.read"]) }
    #expect(error?.issues.map(\.code) == [.notSupported])
  }

  @Test("the built-in agents only use tools that exist, and say what they do")
  func builtIn() {
    #expect(BuiltInAgents.all.map(\.id.name) == ["coder", "writer", "researcher"])
    for agent in BuiltInAgents.all {
      #expect(Set(agent.tools).isSubset(of: AgentSettings.toolNames))
      #expect(!agent.description.isEmpty && agent.instructions.count > 500)
    }
    #expect(BuiltInAgents.all[0].tools == ["file.list", "file.read", "file.search", "file.write", "file.edit"])
    #expect(BuiltInAgents.all[1].tools == ["file.list", "file.read", "file.search", "file.write"])
  }
}
