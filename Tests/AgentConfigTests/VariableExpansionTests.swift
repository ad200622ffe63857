import AgentConfig
import Testing

@Suite("Variables in configuration")
struct VariableExpansionTests {
  private static let environment = [
    "A": "a", "EMPTY": "", "N": "010", "YAML": "x, {evil: 1}\nworkers: 9", "NESTED": "${A}", "NULL": "null", "B_2": "b",
    "ESC": "\u{1B}[2J", "NUL": "a\0b",
    // What the process's reader of its environment makes of a stray byte.
    "BYTES": "a\u{FFFD}",
  ]

  @Test(
    "are put in once, whatever the quotes",
    arguments: [
      ("${A}", "a"), ("'${A}'", "a"), ("\"x${A}y${B_2}z\"", "xaybz"), ("${A:-d}", "a"), ("${NONE:-d}", "d"),
      ("${EMPTY:-d}", "d"), ("'${NONE:-}x'", "x"), ("${NONE:-a:-b}", "a:-b"), ("$${A}", "${A}"), ("'$$A'", "$$A"),
      ("$A", "$A"), ("'a$'", "a$"), ("$$${A}", "$${A}"), ("${NESTED}", "${A}"), ("${NULL}", "null"),
      ("|-\n      ${A} b", "a b"),
    ])
  func expanded(_ written: String, _ expected: String) throws {
    let fixture = try ConfigFixture(["agents.yaml": "agents:\n  a:\n    instructions: x\n    description: \(written)\n"]
    )
    #expect(try fixture.load(Self.environment).agents[0].description == expected)
  }

  @Test("no value becomes YAML: it stays the one scalar's text")
  func noInjection() throws {
    let fixture = try ConfigFixture([
      "agents.yaml": "agents: {a: {instructions: x, description: '${YAML}'}}", "server.yaml": "workers: 3",
    ])
    let loaded = try fixture.load(Self.environment)
    #expect(loaded.agents[0].description == Self.environment["YAML"])
    #expect(loaded.server.workers == 3)
  }

  @Test(
    "then a value has its key's type, whatever the quotes",
    arguments: ["${N}", "'${N}'", "\"${N}\"", "010", "'010'", "\"10\"", "1${ZERO:-0}"])
  func typed(_ written: String) throws {
    #expect(try ConfigFixture(["server.yaml": "workers: \(written)\n"]).load(Self.environment).server.workers == 10)
  }

  @Test("durations, sizes, numbers, lists and words take variables too")
  func everyType() throws {
    let fixture = try ConfigFixture([
      "server.yaml": "log: {level: '${L}', max_size: '${S}'}\nworkspace_roots: ['${R}/x']\nlisten: ${H}:0\n",
      "agents.yaml": """
      agents: {a: {instructions: x, temperature: '${T}', limits: {wall_time: '${D}'}, tools: ['${U}.read']}}
      """,
    ])
    let loaded = try fixture.load([
      "L": "debug", "S": "64KiB", "R": "/srv", "H": "127.0.0.1", "T": "0.5", "D": "90", "U": "file",
    ])
    #expect(loaded.server.log.level == .debug && loaded.server.log.maximumBytes == 65_536)
    #expect(loaded.server.workspaceRoots == ["/srv/x"] && loaded.server.listen[0].port == 0)
    let agent = loaded.agents[0]
    #expect(agent.temperature == 0.5 && agent.limits.wallTime == .seconds(90) && agent.tools == ["file.read"])
  }

  @Test("a name or a key is no value, and instructions and scripts are somebody else's text")
  func verbatim() throws {
    let fixture = try ConfigFixture([
      "agents.yaml": "agents: {a: {instructions: 'say ${name}, $${x}'}}",
      "providers.yaml": "providers: {s: {type: sandbox, script: s.yaml}}",
      "s.yaml": "rules: [{when: {prompt: '${A}'}, reply: {text: '$${A}'}}]",
    ])
    let loaded = try fixture.load(Self.environment)
    #expect(loaded.agents[0].instructions == "say ${name}, $${x}")
    #expect(loaded.providers.providers[0].script?.rules[0].prompt == "${A}")
    let named = try ConfigFixture(["agents.yaml": "agents: {'${A}': {instructions: x}}"])
    #expect(named.issues(Self.environment).map(\.code) == [.invalid])
  }

  static let refusals = [
    Refusal("data: ${NONE}\n", "1:7 config_variable_unset", "variable NONE is not set"),
    Refusal("data: '${EMPTY}'\n", "1:7 config_variable_unset", "variable EMPTY is not set, or empty"),
    Refusal("workspace_roots: [/a, '${NONE}']\n", "1:23 config_variable_unset", "NONE"),
    Refusal("workers: ${NONE:-}\n", "1:1 config_invalid", "'workers' has no value"),
    Refusal("workers: ${A}\n", "1:10 config_invalid", "must be a whole number, not text"),
    Refusal("workers: ${T:-1:30}\n", "1:10 config_invalid", "must be a whole number, not text"),
    Refusal("workers: '${T:-true}'\n", "1:10 config_invalid", "must be a whole number, not text"),
    Refusal("data: ${1A}\n", "1:7 config_invalid", "begins no variable"),
    Refusal("data: ${A-b}\n", "1:7 config_invalid", "begins no variable"),
    Refusal("data: ${A:?b}\n", "1:7 config_invalid", "begins no variable"),
    Refusal("data: '${}'\n", "1:7 config_invalid", "begins no variable"),
    Refusal("data: '/a${A'\n", "1:7 config_invalid", "begins no variable"),
    Refusal("data: '${é}'\n", "1:7 config_invalid", "begins no variable"),
    Refusal("data: '${NONE:-${A}'\n", "1:7 config_invalid", "the default of ${NONE:-…} holds another '${'"),
    Refusal("data: '${A:-${B:-c}}'\n", "1:7 config_invalid", "the default of ${A:-…} holds another '${'"),
    Refusal("data: '${NONE:-/${A}/${A}}'\n", "1:7 config_invalid", "the default of ${NONE:-…} holds another '${'"),
    Refusal("data: '/${ESC}'\n", "1:7 config_invalid", "variable ESC holds a control character"),
    Refusal("allowed_hosts: ['${NUL}']\n", "1:17 config_invalid", "variable NUL holds a control character"),
    Refusal("data: '/${BYTES}'\n", "1:7 config_invalid", "or bytes that are no UTF-8"),
  ]

  @Test("each mistake is refused at its value's place, without the value", arguments: refusals)
  func refused(_ refusal: Refusal) throws {
    let issues = try ConfigFixture(["server.yaml": refusal.text]).issues(Self.environment)
    let issue = try #require(issues.first)
    #expect(issues.count == 1)
    #expect("\(issue.file):\(issue.line):\(issue.column) \(issue.code.rawValue)" == "server.yaml:" + refusal.place)
    #expect(issue.message.contains(refusal.message), "\(issue.message)")
  }

  @Test(
    "a model, or a file's name, is one line, by a variable as in YAML",
    arguments: [
      "agents: {a: {instructions: x, provider: sandbox, model: V}}", "agents: {a: {instructions_file: V}}",
      "providers: {p: {type: openai, model: V}}", "providers: {p: {type: openai, api_key_file: V}}",
      "providers: {p: {type: openai, ca_file: V}}",
    ], ["'${YAML}'", "\"a\\nb\"", "\"a\\eb\""])
  func oneLine(_ text: String, _ value: String) throws {
    let name = String(text.prefix { $0 != ":" }) + ".yaml"
    let issues = try ConfigFixture([name: text.replacing("V", with: value) + "\n"]).issues(Self.environment)
    #expect(issues.count == 1 && issues[0].message.contains("holds a control character"), "\(issues)")
  }

  @Test("every unset variable of all files is told at once")
  func allAtOnce() throws {
    let fixture = try ConfigFixture([
      "server.yaml": "data: ${X}${Y}\nsocket: ${X}\n",
      "providers.yaml": "default: ${Z}\nproviders: {a: {type: sandbox}}\n",
    ])
    #expect(
      fixture.places() == [
        "providers.yaml:1:10 config_variable_unset", "server.yaml:1:7 config_variable_unset",
        "server.yaml:1:7 config_variable_unset", "server.yaml:2:9 config_variable_unset",
      ])
  }
}
