import AgentCore
import AgentTestKit
import Foundation
import Testing

/// What the running binary makes of its configuration files.
@Suite struct ConfigurationTests {
  @Test("allowed_hosts are taken besides our own names, and no others")
  func allowedHosts() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), files: ["server.yaml": "allowed_hosts: [agents.example]\n"])
    for (host, status) in [("agents.example", 200), ("localhost", 200), ("other.example", 421)] {
      let answer = try await service.send(
        "GET", "/api/agents/status", headers: [("Host", host)], overTCP: true)
      #expect(answer.status == status, "\(host): \(answer.text)")
    }
  }

  @Test("with two workers, five tasks are never more than two at a time")
  func workers() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ServiceProcess.scripted([["reply": ["delay": "100ms", "text": "done"]]]).merging([
        "server.yaml": "workers: 2\n"
      ]) { $1 })
    // In one commit, so that there is always a next one to begin.
    let tasks: [JSONValue] = ["coder", "coder", "coder", "writer", "writer"].map { ["agent": $0, "input": "x"] }
    let batch = try await service.send("POST", "/api/tasks:batch", ["tasks": .array(tasks)])
    let ids = (batch.json["data"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
    #expect(ids.count == 5, "\(batch.text)")
    var moves: [(number: Int, name: String)] = []
    for id in ids {
      var events = try await service.events("/api/tasks/\(id)/events")
      for event in try await events.rest() where event.name != "end" {
        moves.append((Int(event.lastEventID) ?? 0, event.name))
      }
    }
    var (running, most) = (0, 0)
    for move in moves.sorted(by: { $0.number < $1.number }) {
      if move.name == "task.started" { running += 1 }
      if move.name == "task.completed" { running -= 1 }
      most = max(most, running)
    }
    #expect(running == 0 && most == 2, "\(moves)")
  }

  @Test("the log's format and level reach the process")
  func log() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(
      in: folder,
      files: ServiceProcess.scripted([
        ["when": ["prompt": "fail"], "reply": ["error": ["code": "provider_rejected"]]], ServiceProcess.saysDone,
      ]).merging(["server.yaml": "log: {format: json, level: error}\n"]) { $1 })
    _ = try await service.ended(try await service.create(["agent": "coder", "input": "x"]))
    let failed = try await service.create(["agent": "coder", "input": "fail"])
    _ = try await service.ended(failed)
    service.signal(SIGTERM)
    #expect(await service.exit() == 0)
    let text = try String(contentsOfFile: folder.appending("log/app.log"), encoding: .utf8)
    let lines = try text.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    #expect(lines.map { $0["message"] } == ["task.failed"], "\(text)")
    #expect(lines.first?["level"] == "ERROR" && lines.first?["task"]?.stringValue == failed, "\(text)")
    #expect(lines.first?["agent"] == "coder")
  }

  /// 2^40 values, if aliases were followed.
  static func aliasBomb(asKey: Bool) -> String {
    let levels = (1...40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }.joined()
    return "a0: &a0 [x, x]\n" + levels + (asKey ? "? *a40\n: 1\n" : "last: *a40\n")
  }

  @Test(
    "what cannot be served is 78 with its code, file and line, and the nearest right key",
    .timeLimit(.minutes(2)), .shows(.configInvalid))
  func refused() async throws {
    let cases: [(file: String, text: String, words: [String])] = [
      ("server.yaml", "workers: 2\nlisen: 127.0.0.1:0\n", ["config_invalid", "server.yaml:2", "'listen'"]),
      ("server.yaml", "tls: {self_signed: true}\n", ["config_not_supported", "server.yaml:1", "tls"]),
      ("providers.yaml", "providers:\n  a: {type: opnai}\n", ["config_invalid", "providers.yaml:2", "'openai'"]),
      ("server.yaml", "workers: 2\nworkers: 3\n", ["config_invalid", "server.yaml:2", "stands twice"]),
      ("server.yaml", "workers: many\n", ["config_invalid", "server.yaml:1", "a whole number"]),
      ("server.yaml", "log: &a [x]\nqueue: *a\n", ["config_invalid", "server.yaml:1", "anchors"]),
      ("agents.yaml", "agents:\n  a: {instructions: x, tool: []}\n", ["config_invalid", "agents.yaml:2", "'tools'"]),
      ("server.yaml", Self.aliasBomb(asKey: false), ["config_invalid", "server.yaml:42", "anchors"]),
      ("agents.yaml", Self.aliasBomb(asKey: true), ["config_invalid", "agents.yaml:42", "anchors"]),
      ("agents.yaml", "---\n", ["config_invalid", "agents.yaml:1", "name one at least", "without the file"]),
      ("providers.yaml", "providers: {}\n", ["config_invalid", "providers.yaml:1", "name one at least"]),
      (
        "providers.yaml", "providers: {a: {type: openai, api_key:sk-hush}}\n",
        ["config_invalid", "providers.yaml:1", "a space is missing after 'api_key:'"]
      ),
    ]
    for (file, text, words) in cases {
      let folder = try TemporaryFolder()
      try Data(text.utf8).write(to: URL(fileURLWithPath: folder.appending(file)))
      let run = try await ShellRun.run(
        ServiceProcess.binary.path,
        [
          "serve", "--config", folder.path, "--data", folder.appending("data"), "--log-dir", folder.appending("log"),
          "--listen", "127.0.0.1:0", "--socket", folder.appending("api.sock"),
        ])
      #expect(run.status == 78 && run.output.isEmpty, "\(text): \(run)")
      #expect(!run.errors.contains("hush"))
      for word in words { #expect(run.errors.contains(word), "\(text): \(run.errors)") }
      #expect(!FileManager.default.fileExists(atPath: folder.appending("data")))
    }
  }

  @Test("a file that nothing reads yet is one WARN line, and the service starts")
  func unread() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(in: folder, files: ["auth.yaml": "jwt: {}\n"])
    _ = try await service.send("GET", "/health")
    let log = try String(contentsOfFile: folder.appending("log/app.log"), encoding: .utf8)
    let lines = log.split(separator: "\n").filter { $0.contains("auth.yaml") }
    #expect(lines.count == 1 && lines.first?.contains(" WARN") == true, "\(log)")
  }
}
