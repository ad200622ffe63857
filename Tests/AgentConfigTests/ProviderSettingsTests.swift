import AgentConfig
import AgentCore
import AgentTestKit
import Testing

@Suite("providers.yaml")
struct ProviderSettingsTests {
  @Test(
    "the default is the one named, else the one called sandbox, else the first",
    arguments: [
      ("default: b\nproviders: {a: {type: sandbox}, b: {type: sandbox}}", "b"),
      ("providers: {a: {type: sandbox}, sandbox: {type: sandbox}}", "sandbox"),
      ("default: null\nproviders: {a: {type: sandbox}, b: {type: sandbox}}", "a"),
    ])
  func defaults(_ text: String, _ expected: String) throws {
    let providers = try ConfigFixture(["providers.yaml": text]).load().providers
    #expect(providers.defaultID.name == expected)
    #expect(providers.providers.map(\.id).contains(providers.defaultID))
  }

  @Test("scripts are read from the folder, one for each provider that names it")
  func scripts() throws {
    let loaded = try ConfigFixture([
      "providers.yaml": """
      providers:
        a: {type: sandbox, script: one.yaml}
        b: {type: sandbox, script: ./two.yaml}
        c: {type: sandbox, script: null}
      """,
      "one.yaml": "rules: [{reply: {text: '${HOME}'}}]", "two.yaml": "rules: [{reply: {finish: length}}]",
    ]).load()
    #expect(loaded.warnings.isEmpty)
    let providers = loaded.providers
    #expect(providers.providers.map(\.id.name) == ["a", "b", "c"])
    #expect(providers.providers.map { $0.script?.rules.count } == [1, 1, nil])
  }

  static let refusals = [
    Refusal(
      "default: b\nproviders: {a: {type: sandbox}}\n", "1:10 config_invalid",
      "'default' names no provider of this file: 'b'"),
    Refusal(
      "default: sandbx\nproviders: {sandbox: {type: sandbox}}\n", "1:10 config_invalid", "did you mean 'sandbox'?"),
    Refusal("default: sandbox\n", "1:1 config_invalid", "'providers' must be given"),
    Refusal("providers:\n  default: {type: sandbox}\n", "2:3 config_invalid", "'default' is a reserved name"),
    Refusal("providers:\n  a: {}\n", "2:6 config_invalid", "'providers.a.type' must be given"),
    Refusal("providers:\n  a: {type: opnai}\n", "2:13 config_invalid", "did you mean 'openai'?"),
    Refusal(
      "providers:\n  a: {type: sandbox, base_url: x}\n", "2:22 config_invalid",
      "'providers.a.base_url' is no key of a provider of type 'sandbox'"),
    Refusal(
      "providers:\n  a: {type: openai, script: x}\n", "2:21 config_invalid",
      "'providers.a.script' is no key of a provider of type 'openai'"),
    Refusal("providers:\n  a: {type: sandbox, scirpt: x}\n", "2:22 config_invalid", "did you mean 'script'?"),
    Refusal(
      "providers:\n  a: {type: sandbox, script: none.yaml}\n", "2:30 config_invalid", "there is no script 'none.yaml'"),
    Refusal("provider: {}\n", "1:1 config_invalid", "did you mean 'providers'?"),
    Refusal("default: ${P}\nproviders: {a: {type: sandbox}}\n", "1:10 config_variable_unset", "variable P"),
  ]

  @Test("of an entry whose type is wrong, or missing, every other mistake is told too")
  func otherKeys() throws {
    let keys = "retries: many, timeouts: {idle: x}, api_key: a, api_key_file: b, script: none.yaml, base_url: ftp://x"
    for type in ["type: opnai, ", ""] {
      let issues = try ConfigFixture(["providers.yaml": "providers:\n  a: {\(type)\(keys)}\n"]).issues()
      for name in ["type", "retries", "timeouts.idle", "base_url"] {
        #expect(issues.contains { $0.message.contains("'providers.a.\(name)'") }, "\(name): \(issues)")
      }
      #expect(issues.contains { $0.message.contains("both 'api_key' and") }, "\(issues)")
      #expect(issues.contains { $0.message.contains("no script 'none.yaml'") } && issues.count == 6, "\(issues)")
    }
    let echo = try ConfigFixture([
      "providers.yaml": "providers: {a: {type: antropic, base_url: 'https://api.anthropic.com', prompt_cache: true}}\n"
    ])
    #expect(echo.issues().count == 1)
  }

  @Test("each mistake is refused at its place", arguments: refusals)
  func refused(_ refusal: Refusal) throws {
    let issues = try ConfigFixture(["providers.yaml": refusal.text]).issues()
    let issue = try #require(issues.first)
    #expect(issues.count == 1)
    #expect("\(issue.file):\(issue.line):\(issue.column) \(issue.code.rawValue)" == "providers.yaml:" + refusal.place)
    #expect(issue.message.contains(refusal.message), "\(issue.message)")
  }
}

@Suite("sandbox-script.yaml")
struct SandboxScriptTests {
  private func load(_ script: String) throws -> ConfigFixture {
    try ConfigFixture(["providers.yaml": "providers: {s: {type: sandbox, script: s.yaml}}", "s.yaml": script])
  }

  @Test("the printed script is read as it is meant")
  func printed() throws {
    let fixture = try load(
      """
      log: calls.jsonl
      rules:
        - when: {agent: coder, prompt: "fix the title", turn: 1}
          times: 1
          reply: {delay: 0ms, tool_calls: [{name: file.read, arguments: {path: README.md}}],
                  usage: {input_tokens: 10, output_tokens: 5}}
        - when: {last_tool: file.read}
          reply: {text: "done", finish: stop}
        - reply: {error: {code: rate_limited, status: 429, retry_after: 2s}}
      """)
    let script = try #require(fixture.load().providers.providers[0].script)
    let first = SandboxScript.Rule(
      agent: "coder", prompt: "fix the title", turn: 1, times: 1,
      reply: .init(
        outcome: .answer(
          text: "", calls: [.init(name: "file.read", arguments: ["path": "README.md"])], finish: nil,
          usage: ModelUsage(inputTokens: 10, outputTokens: 5))))
    let second = SandboxScript.Rule(
      lastTool: "file.read", reply: .init(outcome: .answer(text: "done", calls: [], finish: .stop, usage: nil)))
    #expect(script.rules.count == 3)
    #expect(script.rules[0] == first)
    #expect(script.rules[1] == second)
    guard case .failure(let error) = script.rules[2].reply.outcome else {
      Issue.record("the third rule is an error")
      return
    }
    #expect(error.code == .rateLimited && error.status == 429 && error.retryAfter == .seconds(2))
    #expect(script.log == fixture.folder.appending("calls.jsonl"))
  }

  @Test("arguments keep their types")
  func arguments() throws {
    let fixture = try load(
      "rules: [{reply: {tool_calls: [{name: t, arguments: "
        + "{a: 1, b: 1.5, c: 'x', d: true, e: null, f: [1, {g: '2'}], h: -0.5e1}}]}}]"
    )
    guard case .answer(_, let calls, _, _)? = try fixture.load().providers.providers[0].script?.rules[0].reply.outcome
    else {
      Issue.record("an answer is expected")
      return
    }
    #expect(
      calls[0].arguments == [
        "a": 1, "b": .double(1.5), "c": "x", "d": true, "e": nil, "f": [1, ["g": "2"]], "h": .double(-5),
      ])
  }

  static let refusals = [
    Refusal("", "1:1", "'rules' must be given"),
    Refusal("rule: []\nrules: []\n", "1:1", "did you mean 'rules'?"),
    Refusal("rules: {}\n", "1:8", "must be a list"),
    Refusal("rules:\n  - times: 1\n", "2:5", "'rules[0].reply' must be given"),
    Refusal("rules:\n  - reply: {}\n", "2:12", "'rules[0].reply' says nothing"),
    Refusal("rules:\n  - reply: {txt: a}\n", "2:13", "did you mean 'text'?"),
    Refusal("rules:\n  - reply: {text: a, error: {code: timeout}}\n", "2:13", "both 'error' and 'text'"),
    Refusal("rules:\n  - reply: {error: {code: rate_limit}}\n", "2:27", "did you mean 'rate_limited'?"),
    Refusal("rules:\n  - reply: {error: {status: 429}}\n", "2:20", "'rules[0].reply.error.code' must be given"),
    Refusal("rules:\n  - reply: {error: {code: timeout, status: 99}}\n", "2:44", "between 100 and 599"),
    Refusal("rules:\n  - reply: {text: null}\n", "2:13", "has no value"),
    Refusal("rules:\n  - reply: {text: a, finish: done}\n", "2:30", "must be one of stop, length, refusal, tool_calls"),
    Refusal("rules:\n  - reply: {text: a, delay: 1d}\n", "2:29", "must be a duration"),
    Refusal("rules:\n  - {times: 0, reply: {text: a}}\n", "2:13", "between 1 and"),
    Refusal("rules:\n  - {when: {turn: 0}, reply: {text: a}}\n", "2:19", "between 1 and"),
    Refusal("rules:\n  - {when: {agents: a}, reply: {text: a}}\n", "2:13", "did you mean 'agent'?"),
    Refusal("rules:\n  - {when: {prompt: ''}, reply: {text: a}}\n", "2:21", "is empty"),
    Refusal("rules:\n  - reply: {tool_calls: [{arguments: {}}]}\n", "2:26", "tool_calls[0].name' must be given"),
    Refusal("rules:\n  - reply: {tool_calls: [{name: a, arguments: [1]}]}\n", "2:47", "must be a mapping"),
    Refusal(
      "rules:\n  - reply: {tool_calls: [{name: a, arguments: {x: yes}}]}\n", "2:51", "'yes' is a boolean to some"),
    Refusal("rules:\n  - reply: {tool_calls: [{name: a, arguments: {x: 1, x: 2}}]}\n", "2:54", "stands twice"),
    Refusal("rules:\n  - reply: &a {text: a}\n", "2:12", "anchors"),
  ]

  @Test("each mistake is refused at its place in the script", arguments: refusals)
  func refused(_ refusal: Refusal) throws {
    let issues = try load(refusal.text).issues()
    let issue = try #require(issues.first)
    #expect(issues.count == 1)
    #expect("\(issue.file):\(issue.line):\(issue.column)" == "s.yaml:" + refusal.place)
    #expect(issue.code == .invalid)
    #expect(issue.message.contains(refusal.message), "\(issue.message)")
  }

  @Test("a thousand rules are the most")
  func bounds() throws {
    let rule = "  - reply: {text: a}\n"
    let most = "rules:\n" + String(repeating: rule, count: 1000)
    #expect(try load(most).load().providers.providers[0].script?.rules.count == 1000)
    #expect(try load(most + rule).issues().map(\.message) == ["'rules' has 1001 entries; 1000 is the most"])
  }
}
