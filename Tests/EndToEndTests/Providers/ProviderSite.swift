import AgentCore
import AgentTestKit
import Foundation
import Testing

/// A service whose default provider is a double that speaks one of the wire formats.
struct ProviderSite: Sendable {
  let format: WireFormat
  let double: ProviderDouble
  let service: ServiceProcess
  let folder: TemporaryFolder

  static let key = "sk-right"

  /// `provider`: members of its entry besides (null takes one away); `agent`: members of the agent `worker`; `files`:
  /// further configuration.
  init(
    _ format: WireFormat, _ rules: [JSONValue], provider: [String: JSONValue] = [:], agent: [String: JSONValue] = [:],
    settings: [String: JSONValue] = [:], arguments: [String] = [], files: [String: String] = [:]
  ) async throws {
    self.format = format
    folder = try TemporaryFolder("provider")
    double = try await ProviderDouble(
      rules, settings: ["keys": ["right": .string(Self.key), "second": "sk-second"]].merging(settings) { $1 },
      arguments: arguments, in: folder)
    service = try await ServiceProcess.serve(
      in: folder,
      files: Self.files(["main": format.entry(double.address, Self.fast.merging(provider) { $1 })], agent: agent)
        .merging(files) { $1 })
  }

  /// One further try within a step, and short limits: a test waits for both.
  static let fast: [String: JSONValue] = [
    "retries": 1, "timeouts": ["connect": "2s", "first_byte": "30s", "idle": "30s", "total": "60s"],
  ]

  /// Configuration files for these providers, `main` being the default, and one agent.
  static func files(_ providers: [String: JSONValue], agent: [String: JSONValue] = [:]) -> [String: String] {
    let worker: JSONValue = .object(
      [
        "instructions": "Do what the prompt says.",
        "tools": ["file.list", "file.read", "file.search", "file.write", "file.edit"], "concurrency": 100,
      ].merging(agent) { $1 })
    return [
      "providers.yaml": JSONValue.object(["default": "main", "providers": .object(providers)]).text + "\n",
      "agents.yaml": JSONValue.object(["agents": ["worker": worker]]).text + "\n",
    ]
  }

  /// One attempt, unless told otherwise: what is tried again within a step is the provider's matter.
  func create(_ prompt: String, _ more: [String: JSONValue] = [:]) async throws -> String {
    let order: [String: JSONValue] = ["agent": "worker", "input": .string(prompt), "max_attempts": 1]
    return try await service.create(.object(order.merging(more) { $1 }))
  }

  /// The task once it has ended.
  func run(_ prompt: String, _ more: [String: JSONValue] = [:]) async throws -> JSONValue {
    try await service.ended(try await create(prompt, more))
  }

  func steps(_ task: JSONValue) async throws -> [JSONValue] {
    try await service.steps(task["id"]?.stringValue ?? "")
  }

  /// Model calls whose prompt has that mark.
  func calls(_ mark: String) throws -> [ProviderDouble.Request] {
    try double.calls().filter { $0.line["prompt"]?.stringValue?.contains(mark) == true }
  }

  /// Numbers of the requests whose client went away before the answer's end, once there are so many: the double may learn
  /// it after the task has ended.
  func gone(_ count: Int) async throws -> [Int64] {
    let end = ContinuousClock.now + .seconds(15)
    while try double.gone().count < count, ContinuousClock.now < end {
      _ = try await service.send("GET", "/livez")
    }
    return try double.gone()
  }

  var log: String { (try? String(contentsOfFile: folder.appending("log/app.log"), encoding: .utf8)) ?? "" }

  /// The provider as `GET /api/providers` has it.
  func provider(_ name: String = "main") async throws -> JSONValue {
    let list = try await service.send("GET", "/api/providers").json["data"]?.arrayValue ?? []
    return list.first { $0["name"]?.stringValue == name } ?? .null
  }

  // MARK: rules

  /// The last rule of most scripts.
  static let saysDone: JSONValue = ["reply": ["text": "done"]]

  /// What a task with that mark is answered in its first turn, or in that one.
  static func rule(
    _ prompt: String, turn: Int? = nil, times: Int? = nil, _ reply: JSONValue, fault: JSONValue? = nil
  ) -> JSONValue {
    var when: [String: JSONValue] = ["prompt": .string(prompt)]
    if let turn { when["turn"] = JSONValue(turn) }
    var rule: [String: JSONValue] = ["when": .object(when), "reply": reply]
    if let times { rule["times"] = JSONValue(times) }
    if let fault { rule["fault"] = fault }
    return .object(rule)
  }

  static func calling(_ prompt: String, turn: Int = 1, _ calls: [JSONValue]) -> JSONValue {
    rule(prompt, turn: turn, ["calls": .array(calls)])
  }

  static func call(_ name: String, _ arguments: JSONValue, _ more: [String: JSONValue] = [:]) -> JSONValue {
    .object(["name": .string(name), "arguments": arguments].merging(more) { $1 })
  }
}

/// One way in which a provider misbehaves, and what must come of it.
struct ProviderFault: CustomTestStringConvertible, Sendable {
  var name: String
  var reply: JSONValue
  var fault: JSONValue?
  var code: String
  /// Requests that the provider gets: 1 where no try follows, 2 where one does.
  var calls: Int
  /// What the provider's entry has besides.
  var provider: [String: JSONValue]
  var formats: [WireFormat]

  init(
    _ name: String, reply: JSONValue = ["text": "This is a whole answer."], fault: JSONValue? = nil, _ code: String,
    calls: Int, provider: [String: JSONValue] = [:], formats: [WireFormat] = WireFormat.allCases
  ) {
    (self.name, self.reply, self.fault, self.code) = (name, reply, fault, code)
    (self.calls, self.provider, self.formats) = (calls, provider, formats)
  }

  var testDescription: String { name }

  /// Ends a task by it through each format, and looks at what no fault may do.
  func check(
    location: SourceLocation = #_sourceLocation,
    and look: (ProviderSite, JSONValue) async throws -> Void = { _, _ in }
  ) async throws {
    for format in formats {
      let site = try await ProviderSite(
        format, [ProviderSite.rule("go", reply, fault: fault)], provider: provider)
      let task = try await site.run("go")
      let calls = try site.double.calls()
      let told = "\(format), \(name): \(task.text), \(calls.count) calls, \(site.double.standardError)"
      #expect(task["status"] == "failed", "\(told)", sourceLocation: location)
      #expect(task["error"]?["code"]?.stringValue == code, "\(told)", sourceLocation: location)
      #expect(calls.count == self.calls, "\(told)", sourceLocation: location)
      let steps = try await site.steps(task)
      #expect(steps.count == 1, "\(told)", sourceLocation: location)
      #expect(steps.first?["attempt"]?.integerValue == Int64(self.calls), "\(told)", sourceLocation: location)
      #expect(steps.first?["error"]?["code"]?.stringValue == code, "\(told)", sourceLocation: location)
      // No answer is partial, no body and no key is shown.
      let shown = task.text + steps.map(\.text).joined() + site.log + site.service.standardError
      #expect(task["output"] == .null || task["output"] == nil, "\(told)", sourceLocation: location)
      #expect(!shown.contains(ProviderSite.key) && !shown.contains("sk-secret"), "\(told)", sourceLocation: location)
      #expect(calls.allSatisfy { $0.refused == nil && $0.line["leaked"] == false }, "\(told)", sourceLocation: location)
      try await look(site, task)
    }
  }
}
