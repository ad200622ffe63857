import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Another provider, or another key, in the midst of things.
@Suite struct ProviderSwitchTests {
  @Test(
    "a task that changes its provider goes on: text and calls go along, ids fit, thoughts stay behind",
    arguments: WireFormat.allCases)
  func changedProvider(format: WireFormat) async throws {
    let folder = try TemporaryFolder("change")
    // An id that the other format would not take; Anthropic's own never look so.
    let odd: [String: JSONValue] = format == .openai ? ["id": "odd id/1"] : [:]
    let first = try await ProviderDouble(
      [
        ProviderSite.rule(
          "go", turn: 1,
          [
            "text": "I look.", "thinking": [["text": "a secret thought"]],
            "calls": [ProviderSite.call("file.list", ["path": "."], odd)],
          ]),
        // Long enough that the default changes meanwhile; this call stays where it is.
        ProviderSite.rule(
          "go", turn: 2, ["calls": [ProviderSite.call("file.list", ["path": "."])], "delay": "1500ms"]),
      ], in: try TemporaryFolder("first"))
    let second = try await ProviderDouble(
      [["reply": ["text": "Done by the other."]]], in: try TemporaryFolder("second"))
    let other: WireFormat = format == .openai ? .anthropic : .openai
    let service = try await ServiceProcess.serve(
      in: folder,
      files: ProviderSite.files([
        "main": format.entry(first.address, ["retries": 3]), "other": other.entry(second.address),
      ]))
    let id = try await service.create(["agent": "worker", "input": "go"])
    try await service.reached(id, step: 3, status: "started")
    let answer = try await service.send("POST", "/api/providers/default?provider=other")
    #expect(answer.status == 200, "\(answer.text)")
    let task = try await service.ended(id)
    #expect(task["output"]?["text"] == "Done by the other.", "\(task.text) \(second.standardError)")
    let call = try #require(try second.calls().first)
    #expect(call.refused == nil, "\(call.line.text)")
    #expect(call.body.text.contains("I look.") && !call.body.text.contains("a secret thought"), "\(call.body.text)")
    #expect(other.results(in: call.body).count == 2)
    #expect(try first.calls().count == 2)
  }

  @Test(
    "a default that is switched between two tries of a step serves the next one", arguments: WireFormat.allCases)
  func switchedBetweenTries(format: WireFormat) async throws {
    let first = try await ProviderDouble(
      [["reply": ["status": 503, "error": [:]]]], in: try TemporaryFolder("first"))
    let second = try await ProviderDouble(
      [["reply": ["text": "Done by the other."]]], in: try TemporaryFolder("second"))
    let other: WireFormat = format == .openai ? .anthropic : .openai
    let service = try await ServiceProcess.serve(
      in: try TemporaryFolder("tries"),
      files: ProviderSite.files([
        "main": format.entry(first.address, ["retries": 5]), "other": other.entry(second.address),
      ]))
    let id = try await service.create(["agent": "worker", "input": "go", "max_attempts": 1])
    try await service.running(id)
    // By then the first try may have failed or not: the second waits half a second at the least.
    let answer = try await service.send("POST", "/api/providers/default?provider=other")
    #expect(answer.status == 200, "\(answer.text)")
    let task = try await service.ended(id)
    #expect(task["output"]?["text"] == "Done by the other.", "\(task.text) \(second.standardError)")
    let steps = try await service.steps(id)
    let tries = try first.calls().count
    #expect(steps.count == 1 && steps.first?["name"] == "other", "\(steps)")
    #expect((1...4).contains(tries) && steps.first?["attempt"] == JSONValue(tries + 1), "\(steps)")
    let calls = try second.calls()
    #expect(calls.count == 1 && calls.first?.refused == nil, "\(calls.map(\.line.text))")
  }

  @Test("OPENAI_API_KEY goes to the entry called openai, and to no other of its type", .shows(.providerKey))
  func ownKey() async throws {
    let first = try await ProviderDouble(
      [ProviderSite.saysDone], settings: ["keys": ["right": .string(ProviderSite.key)]], in: TemporaryFolder("first"))
    let second = try await ProviderDouble([ProviderSite.saysDone], in: TemporaryFolder("second"))
    let keyless: [String: JSONValue] = ["api_key": .null]
    let providers: JSONValue = [
      "openai": WireFormat.openai.entry(first.address, keyless),
      "other": WireFormat.openai.entry(second.address, keyless),
    ]
    let agents: JSONValue = [
      "a": ["instructions": "x", "provider": "openai"], "b": ["instructions": "x", "provider": "other"],
    ]
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder("keys"),
      files: [
        "providers.yaml": JSONValue.object(["default": "openai", "providers": providers]).text + "\n",
        "agents.yaml": JSONValue.object(["agents": agents]).text + "\n",
      ], environment: ["OPENAI_API_KEY": ProviderSite.key])
    for agent in ["a", "b"] {
      let task = try await service.ended(try await service.create(["agent": .string(agent), "input": "go"]))
      #expect(task["status"] == "completed", "\(agent): \(task.text)")
    }
    for name in ["openai", "other"] {
      let test = try await service.send("POST", "/api/providers/\(name)/test").json
      #expect(test["ok"] == true, "\(name): \(test.text)")
    }
    #expect(try first.calls().map(\.key) == ["right", "right"], "\(first.told)")
    let others = try second.requests()
    #expect(others.count == 2 && others.allSatisfy { $0.header("authorization") == nil }, "\(second.told)")
    #expect(!second.told.contains(ProviderSite.key))
  }

  @Test("SIGHUP puts another provider and its key in force for the next call", .shows(.reloadSignals))
  func reloaded() async throws {
    let site = try await ProviderSite(.openai, [ProviderSite.saysDone])
    let other = try await ProviderDouble(
      [["reply": ["text": "from the other"]]], settings: ["keys": ["second": "sk-second"]],
      in: TemporaryFolder("other"))
    let files = ProviderSite.files(
      ["main": WireFormat.anthropic.entry(other.address, ["api_key": "sk-second"])],
      agent: ["description": "another"])
    for (name, text) in files {
      try Data(text.utf8).write(to: URL(fileURLWithPath: site.service.configuration + "/" + name))
    }
    #expect(try await site.run("before")["output"]?["text"] == "done")
    site.service.signal(SIGHUP)
    let agent = try await site.service.asking("GET", "/api/agents/worker") { $0.json["description"] == "another" }
    #expect(agent.json["description"] == "another", "\(agent.text)")
    #expect(try await site.run("after")["output"]?["text"] == "from the other")
    #expect(try site.double.calls().count == 1)
    #expect(try other.calls().map(\.key) == ["second"])
  }

  @Test(
    "a key in a file is changed by writing the file and `agent-system reload`", .shows(.providerKey),
    arguments: WireFormat.allCases)
  func keyFile(format: WireFormat) async throws {
    let secrets = try TemporaryFolder("key")
    let path = secrets.appending("api.key")
    func write(_ key: String) throws {
      try Data((key + "\n").utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }
    try write("sk-outdated")
    let site = try await ProviderSite(
      format, [ProviderSite.saysDone], provider: ["api_key": .null, "api_key_file": .string(path)])
    #expect(try await site.run("before")["error"]?["code"] == "key_invalid")
    #expect(try await site.provider()["status"] == "key_invalid")
    try write(ProviderSite.key)
    let reload = try await site.service.verb(["reload"])
    #expect(reload.status == 0, "\(reload)")
    #expect(try await site.run("after")["status"] == "completed")
    #expect(try site.double.calls().map(\.key) == ["unknown", "right"])
    #expect(try await site.provider()["status"] == "ok")
    let told = site.log + site.service.standardError + reload.output + reload.errors
    #expect(!told.contains("sk-outdated") && !told.contains(ProviderSite.key), "\(told)")
  }
}
