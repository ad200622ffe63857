import AgentCore
import AgentTestKit
import Foundation
import HTTPTransport
import Testing

/// A whole run of an agent on real files through each wire format: what went over the wire, what the journal says, what
/// the events told, what it cost and what lies in the workspace are one story.
@Suite struct ProviderRunTests {
  private static let usages: [(input: Int64, output: Int64)] = [(120, 30), (180, 44), (260, 12)]

  /// Reads two files at once, writes and edits, then speaks; each answer once somebody looks on.
  private static func rules(_ format: WireFormat) -> [JSONValue] {
    func turn(_ number: Int, _ members: [String: JSONValue]) -> JSONValue {
      let (input, output) = usages[number - 1]
      let usage: JSONValue = ["input": JSONValue(Int(input)), "output": JSONValue(Int(output)), "cached": 0]
      return ProviderSite.rule(
        "the report", turn: number, .object(members.merging(["usage": usage]) { $1 }),
        fault: ["hold": ["after": 0, "until": .string("seen-\(number)")]])
    }
    return [
      turn(
        1,
        [
          "text": "I look first.", "thinking": [["text": "Two files are named; read both."]],
          "calls": [
            ProviderSite.call("file.read", ["path": "notes.md"]),
            ProviderSite.call("file.read", ["path": "größe.txt"]),
          ],
        ]),
      turn(
        2,
        [
          "thinking": [["text": "Now write, then mend."]],
          "calls": [
            ProviderSite.call("file.write", ["path": "report/out.md", "text": "# Report\n\nDraft \"one\" 🙂\n"]),
            ProviderSite.call("file.edit", ["path": "notes.md", "old": "TODO", "new": "done"]),
          ],
        ]),
      turn(3, ["text": ["The report", " is in ", "report/out.md."]]),
    ]
  }

  private static let files: JSONValue = [
    ["path": "notes.md", "text": "TODO: the report\n"], ["path": "größe.txt", "text": "12 m²\n"],
  ]

  @Test("wire, steps, events, usage and files agree", arguments: WireFormat.allCases)
  func wholeRun(format: WireFormat) async throws {
    let site = try await ProviderSite(format, Self.rules(format))
    let id = try await site.create("Write the report", ["files": Self.files])
    let events = try await watched(site, id)
    let task = try await site.service.ended(id)
    #expect(task["status"] == "completed", "\(task.text), \(site.double.told)")
    #expect(task["output"]?["text"] == "The report is in report/out.md.")
    try checkWire(site)
    let steps = try await site.service.steps(id)
    try checkSteps(steps)
    checkEvents(events, steps: steps)
    try await checkUsage(site, task, steps)
    #expect(try await text(site, id, "report/out.md") == "# Report\n\nDraft \"one\" 🙂\n")
    #expect(try await text(site, id, "notes.md") == "done: the report\n")
    #expect(
      task["output"]?["files"]?.arrayValue?.compactMap { $0["path"]?.stringValue }.sorted() == [
        "notes.md", "report/out.md",
      ])
  }

  /// All events of the task. Each model call is answered when its start has been seen here.
  private func watched(_ site: ProviderSite, _ id: String) async throws -> [ServerSentEvent] {
    var reader = try await site.service.events("/api/tasks/\(id)/events")
    var (events, turn): ([ServerSentEvent], Int) = ([], 0)
    while let event = try await reader.next() {
      events.append(event)
      guard event.name == "step.started", try JSONValue(parsing: event.data)["kind"] == "model_call" else { continue }
      turn += 1
      try Data().write(to: URL(fileURLWithPath: site.folder.appending("seen-\(turn)")))
    }
    return events
  }

  private func text(_ site: ProviderSite, _ id: String, _ path: String) async throws -> String {
    try await site.service.send("GET", "/api/tasks/\(id)/files/\(path)").text
  }

  /// Three requests that a real service would take, each holding all of the one before.
  private func checkWire(_ site: ProviderSite) throws {
    let calls = try site.double.calls()
    #expect(calls.count == 3)
    #expect(calls.allSatisfy { $0.refused == nil && $0.key == "right" && $0.path == site.format.path })
    #expect(calls.allSatisfy { $0.line["leaked"] == false && $0.body["stream"] == true })
    #expect(calls.allSatisfy { $0.body["model"] == "double-1" })
    #expect(calls.map(\.turn) == [1, 2, 3])
    for (before, after) in zip(calls, calls.dropFirst()) {
      let (old, new) = (site.format.messages(in: before.body), site.format.messages(in: after.body))
      #expect(Array(new.prefix(old.count)) == old, "\(old) \(new)")
      #expect(before.body["tools"] == after.body["tools"] && before.body["system"] == after.body["system"])
    }
    // Anthropic keeps of a prefix what it is told to keep; OpenAI all of it.
    #expect(calls.allSatisfy { $0.body.text.contains("\"cache_control\"") == (site.format == .anthropic) })
    // One connection serves them all.
    #expect(Set(calls.map { $0.line["connection"] }).count == 1)
    let results = site.format.results(in: try #require(calls.last).body)
    #expect(results.count == 4 && Set(results.map(\.id)).count == 4)
    for (result, word) in zip(results, ["TODO: the report", "12 m²", "wrote", "edited"]) {
      #expect(result.text.contains(word), "\(results)")
    }
    let names = (calls.first?.body["tools"]?.arrayValue ?? []).compactMap {
      ($0["function"]?["name"] ?? $0["name"])?.stringValue
    }
    #expect(names == ["file_list", "file_read", "file_search", "file_write", "file_edit"])
    // What the model thought goes back as it came.
    let history = try #require(calls.last).body.text
    #expect(history.contains("Two files are named; read both.") && history.contains("Now write, then mend."))
  }

  private func checkSteps(_ steps: [JSONValue]) throws {
    #expect(steps.map { $0["step"]?.integerValue } == (1...7).map { Int64($0) })
    #expect(
      steps.map { $0["kind"] } == [
        "model_call", "tool_call", "tool_call", "model_call", "tool_call", "tool_call", "model_call",
      ])
    #expect(steps.allSatisfy { $0["status"] == "finished" && $0["attempt"] == 1 })
    let models = steps.filter { $0["kind"] == "model_call" }
    for (step, usage) in zip(models, Self.usages) {
      #expect(step["usage"]?["input_tokens"]?.integerValue == usage.input, "\(step.text)")
      #expect(step["usage"]?["output_tokens"]?.integerValue == usage.output, "\(step.text)")
      #expect(step["usage"]?["estimated"] == false)
    }
    #expect(models.first?["output"]?["text"] == "I look first.")
    #expect(models.map { $0["output"]?["tool_calls"]?.arrayValue?.count ?? 0 } == [2, 2, 0])
  }

  /// The journal's moves in order, and the text of each reply as it came, whole.
  private func checkEvents(_ events: [ServerSentEvent], steps: [JSONValue]) {
    let names = events.map(\.name).filter { $0 != "delta" }
    #expect(names.filter { $0 == "step.started" }.count == 7 && names.filter { $0 == "step.finished" }.count == 7)
    #expect(Array(names.suffix(2)) == ["task.completed", "end"], "\(names)")
    let deltas = events.filter { $0.name == "delta" }.compactMap { try? JSONValue(parsing: $0.data) }
    let shown = Dictionary(grouping: deltas) { $0["step"]?.integerValue ?? 0 }
      .mapValues { $0.compactMap { $0["text"]?.stringValue }.joined() }
    #expect(shown == [1: "I look first.", 7: "The report is in report/out.md."], "\(names)")
    for (step, text) in shown {
      #expect(steps.first { $0["step"]?.integerValue == step }?["output"]?["text"]?.stringValue == text)
    }
    #expect(deltas.allSatisfy { $0["attempt"] == 1 })
  }

  private func checkUsage(_ site: ProviderSite, _ task: JSONValue, _ steps: [JSONValue]) async throws {
    #expect(task["usage"]?["input_tokens"]?.integerValue == Self.usages.map(\.input).reduce(0, +))
    #expect(task["usage"]?["output_tokens"]?.integerValue == Self.usages.map(\.output).reduce(0, +))
    #expect(task["usage"]?["llm_calls"] == 3 && task["usage"]?["tool_calls"] == 4)
  }

  @Test(
    "cached and reasoning tokens stand beside the whole input, however a format counts", arguments: WireFormat.allCases)
  func cachedUsage(format: WireFormat) async throws {
    let usage: JSONValue = ["input": 100, "output": 40, "cached": 60, "cache_write": 20, "reasoning": 8]
    let site = try await ProviderSite(format, [["reply": ["text": "Counted.", "usage": usage]]])
    let step = try await site.steps(try await site.run("go")).first ?? .null
    // Anthropic's 100 are what came from no cache.
    #expect(step["usage"]?["input_tokens"] == (format == .openai ? 100 : 180), "\(step.text)")
    #expect(step["usage"]?["output_tokens"] == 40 && step["usage"]?["estimated"] == false)
    #expect(step["usage"]?["cached_tokens"] == 60, "\(step.text)")
    // Each service tells one of these, and not the other.
    #expect(step["usage"]?["cache_write_tokens"] == (format == .openai ? Optional.none : 20), "\(step.text)")
    #expect(step["usage"]?["reasoning_tokens"] == (format == .openai ? 8 : Optional.none), "\(step.text)")
  }

  @Test("servers that leave members out are understood", arguments: ["llama", "ollama"])
  func compatible(like: String) async throws {
    let reply: JSONValue = [
      "like": .string(like),
      "calls": [
        ["name": "file.write", "arguments": ["path": "a.txt", "text": "one"], "id": .null],
        ["name": "file.write", "arguments": ["path": "b.txt", "text": "two"], "id": .null],
      ],
    ]
    let site = try await ProviderSite(
      .openai, [ProviderSite.rule("go", turn: 1, reply), ["reply": ["like": .string(like), "text": "Both written."]]],
      provider: ["api_key": .null], settings: ["keys": [:]])
    let task = try await site.run("go")
    #expect(task["output"]?["text"] == "Both written.", "\(task.text), \(site.double.told)")
    #expect(task["output"]?["files"]?.arrayValue?.count == 2)
    let found = try site.double.calls()
    #expect(found.allSatisfy { $0.key == "none" && $0.refused == nil })
  }

  @Test(
    "headers, query, body members and the output limit's name are sent as configured", arguments: WireFormat.allCases)
  func extras(format: WireFormat) async throws {
    let own = format == .openai ? "seed" : "top_k"
    let site = try await ProviderSite(
      format, [ProviderSite.saysDone],
      provider: [
        "headers": ["X-Team": "blue"], "query": ["api-version": "2026-01"],
        "body": .object(["top_p": .double(0.5), "user": "blue", own: 1]),
        "max_tokens_name": format == .openai ? "max_completion_tokens" : .null,
      ], agent: ["body": .object([own: 7, "user": .null]), "temperature": .double(0.25)])
    #expect(try await site.run("go")["status"] == "completed")
    let call = try #require(try site.double.calls().first)
    #expect(call.header("x-team") == "blue" && call.line["query"] == "api-version=2026-01", "\(call.line.text)")
    // The agent's members are laid over the provider's; null takes one away.
    #expect(call.body["top_p"] == .double(0.5) && call.body["temperature"] == .double(0.25), "\(call.body.text)")
    #expect(call.body[own] == 7 && call.body["user"] == nil && call.refused == nil, "\(call.body.text)")
    let limit = format == .openai ? "max_completion_tokens" : "max_tokens"
    #expect(call.body[limit] == 4096, "\(call.body.text)")
  }

  @Test("a cancel reaches the provider at once", arguments: WireFormat.allCases)
  func cancel(format: WireFormat) async throws {
    let site = try await ProviderSite(format, [["reply": ["text": "a b c d"], "fault": ["idle": 3]]])
    let id = try await site.create("go")
    try await site.service.running(id)
    while try site.double.calls().isEmpty { _ = try await site.service.send("GET", "/livez") }
    let start = ContinuousClock.now
    _ = try await site.service.send("DELETE", "/api/tasks/\(id)")
    #expect(try await site.service.ended(id)["status"] == "cancelled")
    while try !site.double.lines().contains(where: { $0["gone"] != nil }), ContinuousClock.now - start < .seconds(20) {
      _ = try await site.service.send("GET", "/livez")
    }
    // By itself the call would have gone on for 30 s.
    #expect(ContinuousClock.now - start < .seconds(20))
  }
}
