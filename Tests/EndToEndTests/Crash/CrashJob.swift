import AgentCore

/// One task of the crash test: what it is asked, and what the scripted provider answers it, turn by turn.
///
/// All jobs of a kind do the same to their workspace and end with the same output, whatever happens on the way; only
/// the URLs of their requests are their own, so that the recorder knows whose each was.
struct CrashJob: Sendable, Hashable {
  enum Kind: String, Sendable, CaseIterable {
    /// Writes, edits and reads files.
    case files
    /// The same, and sends requests in between: POST without a key (`once`) and PUT.
    case net
    /// Its provider is busy at first: the task waits on a timer.
    case limit
    /// Its provider fails at first: the step has further tries.
    case error
    /// Its agent is disabled and enabled again.
    case spare
  }

  var number: Int
  var kind: Kind
  /// Its provider is busy, or fails, at the first call of a life.
  var hasTrouble = true

  /// Jobs that fail or wait have an agent of their own, with free places whenever one is wanted.
  var agent: String {
    switch kind {
    case .files, .net: "crew"
    case .limit, .error: "rough"
    case .spare: "spare"
    }
  }
  var mark: String { "JOB-\(number)." }
  var key: String { "key-\(number)" }
  var order: JSONValue {
    ["agent": .string(agent), "input": .string("\(mark) kind-\(kind.rawValue)."), "max_attempts": 3]
  }

  /// Model calls of a whole job.
  static func turns(_ kind: Kind) -> Int {
    switch kind {
    case .files, .net: 14
    case .limit, .error, .spare: 4
    }
  }

  private static func isPost(_ turn: Int) -> Bool { turn % 6 == 3 }
  private static func isPut(_ turn: Int) -> Bool { turn % 6 == 0 }

  /// Rules that hold for this job alone; they stand before those of its kind.
  func rules(port: Int) -> [JSONValue] {
    switch kind {
    case .files, .spare: []
    case .limit where !hasTrouble, .error where !hasTrouble: []
    case .net:
      (1..<Self.turns(kind)).filter { Self.isPost($0) || Self.isPut($0) }.map { turn in
        let path = "/\(Self.isPost(turn) ? "once" : "put")/\(number)/\(turn)"
        return rule(
          turn: turn,
          reply: Self.call(
            "http.request",
            [
              "method": Self.isPost(turn) ? "POST" : "PUT", "url": .string("http://127.0.0.1:\(port)\(path)"),
              "body": .string("\(mark) turn \(turn)"),
            ]))
      }
    case .limit: [rule(turn: 1, times: 1, reply: Self.failure("rate_limited", status: 429, retryAfter: "5100ms"))]
    case .error: [rule(turn: 1, times: 1, reply: Self.failure("provider_error", status: 503, retryAfter: nil))]
    }
  }

  private func rule(turn: Int, times: Int? = nil, reply: JSONValue) -> JSONValue {
    var members: [String: JSONValue] = [
      "when": ["prompt": .string(mark), "turn": JSONValue(turn)], "reply": reply,
    ]
    if let times { members["times"] = JSONValue(times) }
    return .object(members)
  }

  /// Rules of all jobs of a kind.
  static func rules(_ kind: Kind) -> [JSONValue] {
    (1...turns(kind)).map { turn in
      [
        "when": ["prompt": .string("kind-\(kind.rawValue)."), "turn": JSONValue(turn)],
        "reply": turn == turns(kind)
          ? ["delay": .string(delay), "text": .string("all of kind \(kind.rawValue) is done")] : fileCall(turn),
      ]
    }
  }

  /// How long the provider thinks: long enough that two cores keep two dozen tasks running.
  private static let delay = "350ms"

  private static func fileCall(_ turn: Int) -> JSONValue {
    let path: JSONValue = .string("part-\((turn - 1) / 4).txt")
    switch turn % 4 {
    case 1: return call("file.write", ["path": path, "text": .string("alpha \(turn)\nbeta\n")])
    case 2: return call("file.read", ["path": path])
    case 3: return call("file.edit", ["path": path, "old": "beta", "new": .string("gamma \(turn)")])
    default: return call("file.list", ["path": "."])
    }
  }

  private static func call(_ name: String, _ arguments: JSONValue) -> JSONValue {
    ["delay": .string(delay), "tool_calls": [["name": .string(name), "arguments": arguments]]]
  }

  private static func failure(_ code: String, status: Int, retryAfter: String?) -> JSONValue {
    var members: [String: JSONValue] = ["code": .string(code), "status": JSONValue(status)]
    if let retryAfter { members["retry_after"] = .string(retryAfter) }
    return ["error": .object(members)]
  }
}

/// The configuration of a life: YAML that is JSON.
enum CrashConfiguration {
  static func files(jobs: [CrashJob], port: Int) -> [String: String] {
    let values: [String: JSONValue] = [
      "agents.yaml": agents(port: port),
      "providers.yaml": [
        "default": "sandbox", "providers": ["sandbox": ["type": "sandbox", "script": "script.yaml"]],
      ],
      "script.yaml": ["rules": .array(rules(jobs: jobs, port: port)), "log": "calls.jsonl"],
      "server.yaml": ["workers": 40],
    ]
    return values.mapValues(\.text)
  }

  static func rules(jobs: [CrashJob], port: Int) -> [JSONValue] {
    jobs.flatMap { $0.rules(port: port) } + CrashJob.Kind.allCases.flatMap(CrashJob.rules)
  }

  /// `providers`: of the agents that do not ask the default one.
  static func agents(port: Int, providers: [String: String] = [:]) -> JSONValue {
    let limits: JSONValue = ["steps": 1000, "model_calls": 1000, "tokens": 1_000_000_000, "wall_time": "4h"]
    func agent(_ name: String, _ concurrency: Int) -> JSONValue {
      [
        "description": "a crash test's agent", "instructions": "Do as the script says.",
        "provider": .string(providers[name] ?? "default"),
        "tools": ["file.list", "file.read", "file.write", "file.edit", "http.request"],
        "concurrency": JSONValue(concurrency), "limits": limits, "allow_hosts": [.string("127.0.0.1:\(port)")],
      ]
    }
    return ["agents": ["crew": agent("crew", 24), "rough": agent("rough", 8), "spare": agent("spare", 2)]]
  }
}
