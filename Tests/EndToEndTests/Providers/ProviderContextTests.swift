import AgentCore
import AgentTestKit
import Foundation
import Testing

/// What the running binary does when a conversation outgrows its model.
@Suite struct ProviderContextTests {
  private static func file(_ name: String, _ bytes: Int) -> JSONValue {
    let line = "\(name) " + String(repeating: "x", count: 62 - name.utf8.count) + "\n"
    return ["path": .string(name), "text": .string(String(repeating: line, count: bytes / 64))]
  }

  /// A turn in which the model reads that file, by a provider that counts so many tokens of input.
  private static func reading(_ name: String, turn: Int, input: Int) -> JSONValue {
    ProviderSite.rule(
      "go", turn: turn,
      [
        "calls": [ProviderSite.call("file.read", ["path": .string(name)])],
        "usage": ["input": JSONValue(input), "output": 50],
      ])
  }

  @Test(
    "over `context_tokens` the oldest outputs give way to a line that says so, once and for good, and the step names them",
    arguments: WireFormat.allCases, [("agent", 30_000), ("provider", 30_000)])
  func elided(format: WireFormat, limit: (of: String, tokens: Int)) async throws {
    let member: [String: JSONValue] = ["context_tokens": JSONValue(limit.tokens)]
    let site = try await ProviderSite(
      format,
      [
        Self.reading("a.txt", turn: 1, input: 500), Self.reading("b.txt", turn: 2, input: 10_600),
        Self.reading("c.txt", turn: 3, input: 20_700),
        ProviderSite.rule(
          "go", turn: 4,
          ["calls": [ProviderSite.call("file.list", ["path": "."])], "usage": ["input": 20_800, "output": 50]]),
        ProviderSite.saysDone,
      ], provider: limit.of == "provider" ? member : [:], agent: limit.of == "agent" ? member : [:])
    let files = ["a.txt", "b.txt", "c.txt"].map { Self.file($0, 30 << 10) }
    let task = try await site.run("go", ["files": .array(files)])
    #expect(task["status"] == "completed", "\(task.text), \(site.double.standardError)")
    let calls = try site.double.calls()
    #expect(calls.map(\.turn) == [1, 2, 3, 4, 5] && calls.allSatisfy { $0.refused == nil })
    let (before, after) = (format.messages(in: calls[2].body), format.messages(in: calls[3].body))
    #expect(before.contains { $0.text.contains("a.txt xxx") } && !after.contains { $0.text.contains("a.txt xxx") })
    let results = format.results(in: try #require(calls.last).body)
    #expect(results.count == 4)
    #expect(results.first?.text == "[\(30 << 10) bytes of output of step 2 elided]", "\(results.first?.text ?? "")")
    #expect(results.dropFirst().first?.text.utf8.count == 30 << 10)
    // But for that one change each call goes on where the last one ended, so that the provider's cache keeps its worth.
    for (old, new) in [(0, 1), (1, 2), (3, 4)] {
      let (old, new) = (format.messages(in: calls[old].body), format.messages(in: calls[new].body))
      #expect(Array(new.prefix(old.count)) == old)
    }
    let models = try await site.steps(task).filter { $0["kind"] == "model_call" }
    let named = models.map { $0["input"]?["elided_outputs"] ?? .null }
    #expect(named == [[], [], [], [2], [2]], "\(named)")
  }

  @Test(
    "a provider that finds it too long is asked once more, with half of it", arguments: WireFormat.allCases,
    [true, false])
  func halved(format: WireFormat, helps: Bool) async throws {
    let refusal = ProviderSite.rule("go", turn: 3, times: helps ? 1 : 9, ["error": ["kind": "context_too_long"]])
    let site = try await ProviderSite(
      format,
      [
        Self.reading("a.txt", turn: 1, input: 500), Self.reading("b.txt", turn: 2, input: 11_300), refusal,
        ProviderSite.saysDone,
      ])
    let files = [Self.file("a.txt", 31 << 10), Self.file("b.txt", 15 << 10)]
    let task = try await site.run("go", ["files": .array(files)])
    let third = try site.double.calls().filter { $0.turn == 3 }
    #expect(third.count == 2 && Set(third.map(\.body)).count == 2, "\(task.text), \(third.count) calls")
    let results = third.map { format.results(in: $0.body).map(\.text) }
    #expect(results.first?.first?.hasPrefix("a.txt xxx") == true && results.last?.first?.hasPrefix("[") == true)
    #expect(results.first?.last == results.last?.last)
    let step = try await site.steps(task).last { $0["kind"] == "model_call" } ?? .null
    #expect(step["attempt"] == 2 && step["input"]?["halved"] == true, "\(step.text)")
    #expect(step["input"]?["elided_outputs"] == [2], "\(step.text)")
    if helps {
      #expect(task["output"]?["text"] == "done", "\(task.text)")
    } else {
      #expect(task["error"]?["code"] == "context_too_long", "\(task.text)")
    }
  }

  @Test(
    "half of it is sent after a wait too: another task has the only place meanwhile", arguments: WireFormat.allCases)
  func halvedLater(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format,
      [
        Self.reading("a.txt", turn: 1, input: 500), Self.reading("b.txt", turn: 2, input: 11_300),
        ProviderSite.rule(
          "go", turn: 3, times: 1, ["text": "Let me"],
          fault: [
            "hold": ["after": 1, "until": "refuse"],
            "stream_error": ["after": 2, "error": ["type": "exceed_context_size_error"], "as_field": true],
          ]),
        ProviderSite.rule("other", ["text": "Done too."], fault: ["hold": ["after": 1, "until": "go-on"]]),
        ProviderSite.saysDone,
      ], provider: ["max_concurrent": 1])
    let files = [Self.file("a.txt", 31 << 10), Self.file("b.txt", 15 << 10)]
    let id = try await site.create("go", ["files": .array(files)])
    let end = ContinuousClock.now + .seconds(60)
    while try site.double.calls().count < 3, ContinuousClock.now < end { _ = try await site.service.task(id) }
    // It is next in line when the refusal frees the place.
    let other = try await site.create("other")
    while try await site.provider()["concurrency"]?["waiting"] != 1, ContinuousClock.now < end {}
    try Data().write(to: URL(fileURLWithPath: site.folder.appending("refuse")))
    let waiting = try await site.service.asking("GET", "/api/tasks/\(id)") { $0.json["status"] == "waiting" }
    #expect(waiting.json["waiting"]?["reason"] == "provider_limit", "\(waiting.text)")
    #expect(try site.calls("other").count == 1)
    try Data().write(to: URL(fileURLWithPath: site.folder.appending("go-on")))
    #expect(try await site.service.ended(other)["output"]?["text"] == "Done too.")
    let task = try await site.service.ended(id)
    #expect(task["output"]?["text"] == "done", "\(task.text), \(site.double.told)")
    let third = try site.calls("go").filter { $0.turn == 3 }
    #expect(third.count == 2, "\(third.count) calls")
    let results = third.map { format.results(in: $0.body).map(\.text) }
    #expect(results.first?.first?.hasPrefix("a.txt xxx") == true && results.last?.first?.hasPrefix("[") == true)
    let step = try await site.steps(task).last { $0["kind"] == "model_call" } ?? .null
    #expect(step["attempt"] == 2 && step["input"]?["halved"] == true, "\(step.text)")
  }

  @Test("a prompt over the limit is never sent", arguments: WireFormat.allCases)
  func unsent(format: WireFormat) async throws {
    let site = try await ProviderSite(format, [ProviderSite.saysDone], agent: ["context_tokens": 2000])
    let task = try await site.run(String(repeating: "word ", count: 4000))
    #expect(task["error"]?["code"] == "context_too_long" && task["usage"]?["llm_calls"] == 0, "\(task.text)")
    #expect(try site.double.calls().isEmpty)
  }
}
