import AgentCore
import AgentTestKit
import Foundation
import HTTPTransport
import Testing

/// Secrets of all kinds are planted wherever a task can hold them, and searched for wherever anybody can look.
@Suite struct SealedEverywhereTests {
  private typealias Site = ProviderSite

  @Test(
    "no secret is in database, log, events, answers, processes or requests to a model, and the tools had them in clear",
    .shows(.sealedOutput, "sealed value"), arguments: WireFormat.allCases)
  func nowhere(format: WireFormat) async throws {
    let secrets = PlantedSecrets()
    #expect(secrets.all.count >= 40)
    let watch = ProcessWatch(secrets)
    let echo = try EchoServer(secrets) { watch.look() }
    defer { echo.server.stop() }
    let site = try await Self.site(format, secrets, echo.server)
    watch.follow(site.service.pid)
    var seen = Seen(secrets)
    let order: JSONValue = [
      "agent": "worker", "input": secrets.input, "metadata": secrets.metadata, "max_attempts": 1,
      "labels": ["password": secrets["label"].value],
    ]
    let id = try await Self.run(order, at: site, watch, &seen)
    try await Self.lookAtAnswers(of: site.service, id, order, secrets, &seen)
    watch.look()
    // While each request was on its way, and at each event of the run. There are no children yet: no tool starts one, and
    // whoever writes the first that does has to see to it that this test catches it at work.
    #expect(watch.looks > 2 * echo.server.requests.count && watch.family == [site.service.pid])
    seen.found.merge(watch.found) { $1 }
    try Self.expectClear(secrets, echo.server, site)
    try Self.lookAtFiles(site, &seen)
    await site.service.killed()
    try Self.lookAtFiles(site, &seen)
    let again = try await ServiceProcess.serve(in: site.folder)
    try await Self.lookAtAnswers(of: again, id, order, secrets, &seen)
    again.signal(SIGTERM)
    _ = await again.exit()
    seen.look(again.standardError + again.standardOutput, "output")
    try Self.lookAtFiles(site, &seen)
    #expect(seen.found.isEmpty, "\(seen.found)")
  }

  private static func site(
    _ format: WireFormat, _ secrets: PlantedSecrets, _ server: LoopbackServer
  ) async throws -> Site {
    try await Site(
      format, rules(secrets, server),
      agent: [
        "tools": ["file.list", "file.read", "file.search", "file.write", "file.edit", "http.request"],
        "allow_hosts": [.string("127.0.0.1:\(server.port)")],
      ], settings: ["lenient": true],
      files: ["permissions.yaml": "roles:\n  agent: [task:execute, file:read, file:write, http:request]\n"])
  }

  /// Runs the task to its end, at each of whose events the processes are looked at; its id.
  private static func run(
    _ order: JSONValue, at site: Site, _ watch: ProcessWatch, _ seen: inout Seen
  ) async throws -> String {
    var events = try await site.service.events("/api/events?after=0")
    _ = try await events.position()
    let created = try await site.service.send("POST", "/api/tasks", order, headers: [("Idempotency-Key", "one")])
    seen.look(created, "POST")
    let id = try #require(created.json["id"]?.stringValue, "\(created.text)")
    while let event = try await events.next(), !["task.completed", "task.failed"].contains(event.name) { watch.look() }
    let task = try await site.service.ended(id)
    #expect(task["status"] == "completed", "\(task.text) \(site.double.told.suffix(2000))")
    #expect(task["output"]?["text"]?.stringValue?.contains("[sealed]") == true, "\(task.text)")
    seen.look(events.text, "events")
    #expect(events.text.contains("event: delta"))
    return id
  }

  /// Where each secret was found that should not have been.
  private struct Seen {
    let secrets: PlantedSecrets
    var found: [String: [String]] = [:]
    init(_ secrets: PlantedSecrets) { self.secrets = secrets }

    mutating func look(_ bytes: [UInt8], _ place: String) {
      let found = secrets.found(in: bytes)
      if !found.isEmpty { self.found[place] = found }
    }
    mutating func look(_ text: String, _ place: String) { look(Array(text.utf8), place) }
    mutating func look(_ answer: ServiceProcess.Answer, _ place: String) {
      look(answer.body, place)
      look(answer.head.headers.map { "\($0.name): \($0.value)" }.joined(separator: "\n"), place)
    }
  }

  // MARK: the script

  private static func rules(_ secrets: PlantedSecrets, _ server: LoopbackServer) -> [JSONValue] {
    func request(_ method: String, _ path: String, _ more: [String: JSONValue] = [:]) -> JSONValue {
      Site.call(
        "http_request", .object(["method": .string(method), "url": .string(server.url(path))].merging(more) { $1 }))
    }
    let turns: [[JSONValue]] = [
      // By reference.
      [
        request(
          "POST", "/echo",
          [
            "headers": ["Authorization": "Bearer {{input.token}}"],
            "body": ["key": "{{input.api_key}}", "pem": "{{input.pem.password}}"],
          ]),
        request(
          "PUT", "/echo?k={{input.password}}",
          [
            "headers": ["Authorization": "{{input.apiKey}}", "Content-Type": "application/json"],
            "body": #"{"n":1e2,"c":"{{input.control.password}}","v":"{{input.object.password.value}}"}"#,
          ]),
        request("POST", "/move?k={{input.password}}"), request("GET", "/move?k={{input.PassWord}}"),
        request("GET", "/fail?k={{input.pass_word}}", ["headers": ["Authorization": "Bearer {{input.TOKEN}}"]]),
        Site.call("http_request", ["method": "GET", "url": "http://{{input.to_ken}}.invalid/"]),
        Site.call("http_request", ["method": "GET", "url": "http://{{input.url.password}}/"]),
      ],
      // Of the model's own.
      [
        request(
          "POST", "/echo",
          [
            "headers": [
              "authorization": .string("Bearer \(secrets["authorization"].text)"),
              "Proxy-Authorization": .string("Basic \(secrets["proxy authorization"].text)"),
              "Cookie": .string("sid=\(secrets["cookie"].text); b=1"),
            ],
            "body": ["a": [["pass-word": secrets["body object"].value]]],
          ]),
        request("PUT", "/echo", ["body": .string(#"{"x":1e2,"token":"\#(secrets["body text"].text)"}"#)]),
        Site.call("file_write", ["path": "a", "text": "t", "api_key": secrets["refused argument"].value]),
        Site.call("no_such_tool", ["password": secrets["unknown tool"].value]),
      ],
      // From a server, and from files.
      [
        request("GET", "/give"), request("GET", "/lines"),
        Site.call(
          "file_write", ["path": "notes.txt", "text": "key={{input.API_KEY}}\nlong={{input.long.password}}\n"]),
        Site.call("file_edit", ["path": "notes.txt", "old": "{{input.API_KEY}}", "new": "{{input.API-KEY}}"]),
        Site.call("file_read", ["path": "notes.txt"]), Site.call("file_search", ["pattern": "key="]),
      ],
    ]
    let said = ["password", "unicode", "result member", "body text"].map { secrets[$0].text }.joined(separator: " and ")
    let last = "I have seen \(said), or \(Data(secrets["token"].text.utf8).base64EncodedString()). That is all."
    return turns.enumerated().map { Site.calling("plant", turn: $0.offset + 1, $0.element) } + [
      Site.rule("plant", turn: turns.count + 1, ["text": .string(last), "piece": 7]), Site.saysDone,
    ]
  }

  // MARK: where anybody can look

  private static func lookAtAnswers(
    of service: ServiceProcess, _ id: String, _ order: JSONValue, _ secrets: PlantedSecrets, _ seen: inout Seen
  ) async throws {
    for path in ["", "/steps", "/files"] + (1...24).map({ "/steps/\($0)" }) {
      seen.look(try await service.send("GET", "/api/tasks/\(id)\(path)"), "GET \(path)")
    }
    for path in ["/api/tasks", "/api/config", "/api/agents/status", "/api/providers"] {
      seen.look(try await service.send("GET", path), path)
    }
    var events = try await service.events("/api/tasks/\(id)/events")
    while try await events.next() != nil {}
    seen.look(events.text, "events again")
    try await lookAtErrors(of: service, order, secrets, &seen)
  }

  private static func lookAtErrors(
    of service: ServiceProcess, _ order: JSONValue, _ secrets: PlantedSecrets, _ seen: inout Seen
  ) async throws {
    guard case .object(let members) = order else { return }
    let secret = secrets["token"].value
    let bad: [[String: JSONValue]] = [
      ["priority": 99], ["agent": "nobody"], ["unknown": ["token": secret]],
      ["metadata": ["token": secret, "$sealed": secret]],
      ["input": ["token": secret]], ["limits": ["token": secret]], ["labels": secret], ["timeout_seconds": secret],
      ["files": [["path": "../x", "text": secret]]], ["output_schema": ["type": "nothing", "token": secret]],
      ["folder": .string("/nowhere/\(secrets["token"].text)")],
    ]
    for change in bad {
      let answer = try await service.send("POST", "/api/tasks", .object(members.merging(change) { $1 }))
      #expect((400..<500).contains(answer.status), "\(change): \(answer.status) \(answer.text)")
      if change["metadata"] != nil { #expect(answer.status == 422 && answer.json["code"] == "reserved_member") }
      // A folder is no secret: its name is what the error is about.
      if change["folder"] == nil { seen.look(answer, "error of \(change.keys.sorted())") }
    }
    let text = order.text
    for (name, body) in [
      ("cut", String(text.dropLast(2))), ("trailing", text + "x"), ("twice", #"{"token":1,"# + text.dropFirst()),
    ] {
      var request = HTTPExchange.Request(
        method: "POST", url: "http://localhost/api/tasks", headers: [("Content-Type", "application/json")],
        body: Array(body.utf8))
      request.unixSocketPath = service.socket
      let answer = try await service.transport.send(request)
      #expect((400..<500).contains(answer.status), "\(name)")
      seen.look(answer.body, "error of a body: \(name)")
    }
    let mismatch = try await service.send(
      "POST", "/api/tasks", .object(members.merging(["priority": 1]) { $1 }), headers: [("Idempotency-Key", "one")])
    #expect(mismatch.status == 422)
    seen.look(mismatch, "mismatch")
  }

  private static func lookAtFiles(_ site: Site, _ seen: inout Seen) throws {
    for path in [
      "data/agent.db", "data/agent.db-wal", "data/agent.db-shm", "data/wal.position", "log/app.log", "requests.jsonl",
    ] {
      guard let bytes = FileManager.default.contents(atPath: site.folder.appending(path)) else { continue }
      seen.look(Array(bytes), path)
    }
    seen.look(site.service.standardError + site.service.standardOutput, "standard output")
    #expect(FileManager.default.fileExists(atPath: site.folder.appending("data/agent.db")))
    #expect(!site.log.isEmpty)
  }

  // MARK: what the tools had

  private static func expectClear(_ secrets: PlantedSecrets, _ server: LoopbackServer, _ site: Site) throws {
    let requests = server.requests
    func request(_ method: String, _ path: String) -> [LoopbackRequest] {
      requests.filter { $0.method == method && $0.target.hasPrefix(path) }
    }
    let posts = request("POST", "/echo")
    #expect(posts.first?.headers["authorization"] == "Bearer \(secrets["token"].text)")
    let body: JSONValue = ["key": secrets["api_key"].value, "pem": secrets["pem"].value]
    #expect(posts.first?.body == body.text)
    let puts = request("PUT", "/echo")
    #expect(puts.first?.target == "/echo?k=\(secrets["password"].text)")
    #expect(puts.first?.headers["authorization"] == secrets["apiKey"].text)
    #expect(puts.first?.body.hasPrefix(#"{"n":1e2,"#) == true, "\(puts.first?.body ?? "")")
    let put = try JSONValue(parsing: puts.first?.body ?? "")
    #expect(put["c"] == secrets["control"].value && put["v"]?.stringValue == secrets["object"].core)
    #expect(request("POST", "/move").map(\.target) == ["/move?k=\(secrets["password"].text)"])
    #expect(request("GET", "/landed").map(\.target) == ["/landed?k=\(secrets["PassWord"].text)"])
    #expect(request("GET", "/fail").first?.headers["authorization"] == "Bearer \(secrets["TOKEN"].text)")
    // What the model wrote itself is sent as it wrote it.
    #expect(posts.last?.headers["cookie"] == "sid=\(secrets["cookie"].text); b=1")
    #expect(posts.last?.headers["authorization"] == "Bearer \(secrets["authorization"].text)")
    #expect(posts.last?.body == #"{"a":[{"pass-word":"\#(secrets["body object"].text)"}]}"#)
    #expect(puts.last?.body == #"{"x":1e2,"token":"\#(secrets["body text"].text)"}"#)
    let notes = site.folder.appending("data/workspaces/task-1/notes.txt")
    let text = try String(contentsOfFile: notes, encoding: .utf8)
    #expect(text == "key=\(secrets["API-KEY"].text)\nlong=\(secrets["long"].text)\n")
    let last = try #require(site.double.calls().last)
    let system = last.body["messages"]?.arrayValue?.first?["content"]?.stringValue ?? last.body["system"]?.text ?? ""
    #expect(system.contains("{{input.login.password}}") && system.contains("{{input.list.0.token}}"), "\(system)")
  }
}
