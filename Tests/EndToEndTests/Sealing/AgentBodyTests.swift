import AgentCore
import AgentTestKit
import Foundation
import Testing

/// A secret in an agent's `body`: its provider gets it, and nobody finds it elsewhere.
@Suite struct AgentBodyTests {
  private static let secret = "planted-body-secret"
  private static let places = ["data/agent.db", "data/agent.db-wal", "data/wal.position", "log/app.log"]

  private func expectNothing(_ site: ProviderSite, location: SourceLocation = #_sourceLocation) throws {
    for path in Self.places {
      let bytes = FileManager.default.contents(atPath: site.folder.appending(path)) ?? Data()
      #expect(bytes.range(of: Data(Self.secret.utf8)) == nil, "\(path)", sourceLocation: location)
    }
    #expect(FileManager.default.fileExists(atPath: site.folder.appending("data/agent.db")), sourceLocation: location)
  }

  @Test(
    "the model call has it in clear, after a kill too, whatever the files say by then; disk, log and answers have not")
  func body() async throws {
    let site = try await ProviderSite(
      .openai,
      [
        ProviderSite.calling("go", [ProviderSite.call("file_list", ["path": "."])]),
        ProviderSite.rule("go", turn: 2, times: 1, ["text": "never"], fault: ["hang": "before_head"]),
        ["reply": ["text": .string("I was sent \(Self.secret), and am done.")]],
      ],
      agent: ["body": ["metadata": ["api_key": .string(Self.secret), "team": "blue"]]], settings: ["lenient": true])
    let id = try await site.create("go")
    // The second call hangs.
    _ = try await site.service.asking("GET", "/api/tasks/\(id)/steps") { ($0.json["data"]?.arrayValue?.count ?? 0) > 2 }
    let agent = try await site.service.send("GET", "/api/agents/worker")
    #expect(agent.json["body"]?["metadata"] == ["api_key": "[sealed]", "team": "blue"], "\(agent.text)")
    try expectNothing(site)
    await site.service.killed()
    try expectNothing(site)
    try site.service.writeConfiguration(
      "agents.yaml", ProviderSite.files([:])["agents.yaml"] ?? "")
    let again = try await ServiceProcess.serve(in: site.folder)
    let task = try await again.ended(id)
    #expect(task["status"] == "completed", "\(task.text)")
    #expect(task["output"]?["text"] == "I was sent [sealed], and am done.", "\(task.text)")
    let calls = try site.double.calls()
    #expect(calls.count > 2)
    for call in calls {
      #expect(call.body["metadata"] == ["api_key": .string(Self.secret), "team": "blue"], "\(call.body.text)")
    }
    var shown = task.text
    for path in ["/api/tasks/\(id)/steps", "/api/tasks/\(id)/steps/1", "/api/config", "/api/agents"] {
      shown += try await again.send("GET", path).text
    }
    var events = try await again.events("/api/tasks/\(id)/events")
    while try await events.next() != nil {}
    #expect(!(shown + events.text).contains(Self.secret))
    again.signal(SIGTERM)
    _ = await again.exit()
    try expectNothing(site)
  }

  @Test("one that a version before kept in clear is sealed by the next start, and works on")
  func upgrade() async throws {
    let rig = try KeyRig()
    // The sandbox takes no body: what counts here is that it is kept.
    let files = ServiceProcess.scripted(
      [ServiceProcess.saysDone],
      agents: ["keeper": ["instructions": "keep", "tools": [], "body": ["token": .string(Self.secret)]]])
    let first = try await rig.serve(files: files)
    let id = try await first.create(["agent": "keeper", "input": "x"])
    #expect(try await first.ended(id)["status"] == "completed")
    await rig.stop(first)
    let stored = try await rig.sql("SELECT CAST(substr(definition, 2) AS TEXT) FROM agent_version")
    let sealed = try JSONValue(parsing: stored)
    #expect(sealed["body"]?["token"]?["$sealed"]?.stringValue != nil, "\(stored)")
    var members = try #require(sealed.objectValue)
    members["body"] = ["token": .string(Self.secret)]
    let clear = ([0] + JSONValue.object(members).encoded()).map { String(format: "%02x", $0) }.joined()
    _ = try await rig.sql("UPDATE agent_version SET definition = X'\(clear)'; UPDATE task SET status = 4 WHERE id = 1")
    #expect(try await rig.findings(of: Self.secret).contains("agent.db"))
    let second = try await rig.serve()
    let isOver = try await second.asking("GET", "/api/keys") { answer in
      answer.json["sealing"]?["running"] == false && (try? rig.log())?.contains("sealing_finished: all") == true
    }
    #expect(isOver.status == 200)
    #expect(try await second.send("POST", "/api/tasks/\(id)/retry").status == 200)
    #expect(try await second.ended(id)["status"] == "completed")
    await rig.stop(second)
    #expect(try await rig.sql("SELECT count(*) FROM agent_version WHERE instr(definition, '$sealed') > 0") == "1")
    #expect(try await rig.findings(of: Self.secret) == "")
  }
}
