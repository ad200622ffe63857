import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The fault table's rows about providers that cannot be reached, do not end, or answer with a status, on the real binary.
@Suite struct ProviderRowTests {
  @Test(
    "refused, DNS: `unreachable`, tried again", .shows(.providerUnreachable, "refused", "DNS"),
    arguments: WireFormat.allCases)
  func unreachable(format: WireFormat) async throws {
    let probe = try LoopbackServer { _ in answer() }
    let port = probe.port
    probe.stop()
    for address in ["http://127.0.0.1:\(port)", "http://nowhere.invalid:\(port)"] {
      let folder = try TemporaryFolder()
      let service = try await ServiceProcess.serve(
        in: folder, files: ProviderSite.files(["main": format.entry(address, ProviderSite.fast)]))
      let task = try await service.ended(
        try await service.create(["agent": "worker", "input": "go", "max_attempts": 1]))
      #expect(task["error"]?["code"] == "unreachable", "\(address): \(task.text)")
      let steps = try await service.steps(task["id"]?.stringValue ?? "")
      #expect(steps.count == 1 && steps.first?["attempt"] == 2, "\(steps)")
      let test = try await service.send("POST", "/api/providers/main/test").json
      #expect(test["ok"] == false && test["error"]?["code"] == "unreachable", "\(test.text)")
      let rows = try await service.send("GET", "/api/providers").json["data"]?.arrayValue ?? []
      #expect(rows.first?["status"] == "unreachable", "\(rows)")
    }
  }

  @Test(
    "certificate bad, expired, of another name: `tls_failed`, not tried again, and no key is sent",
    .shows(.providerTLS, "certificate"), arguments: TLSFault.allCases)
  func tls(fault: TLSFault) async throws {
    let folder = try TemporaryFolder("tls")
    let certificate = try await fault.certificate(in: folder)
    let double = try await ProviderDouble(
      [ProviderSite.saysDone], arguments: ["--tls", certificate, folder.appending("key.pem")], in: folder)
    let trusted: JSONValue = fault == .untrusted ? .null : .string(certificate)
    let entry = WireFormat.openai.entry(double.address, ProviderSite.fast.merging(["ca_file": trusted]) { $1 })
    let service = try await ServiceProcess.serve(in: folder, files: ProviderSite.files(["main": entry]))
    let task = try await service.ended(try await service.create(["agent": "worker", "input": "go"]))
    if fault == .none {
      #expect(task["status"] == "completed", "\(task.text)")
      return
    }
    #expect(task["error"]?["code"] == "tls_failed" && task["attempt"] == 1, "\(fault): \(task.text)")
    #expect(try await service.steps(task["id"]?.stringValue ?? "").first?["attempt"] == 1)
    #expect(try double.lines() == [])
  }

  /// What is wrong with the server's certificate; `none` shows that the others fail by their fault alone.
  enum TLSFault: String, CaseIterable, Sendable {
    case none, untrusted, expired, otherName

    func certificate(in folder: TemporaryFolder) async throws -> String {
      let name = self == .otherName ? "DNS:elsewhere.test" : "IP:127.0.0.1"
      let openssl = [
        "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=double", "-addext", "subjectAltName=\(name)", "-keyout",
        folder.appending("key.pem"), "-out", folder.appending("cert.pem"),
      ]
      let command = self == .expired ? ["/usr/bin/faketime", "2020-01-01 00:00:00"] + openssl : openssl
      let run = try await ShellRun.run(command[0], Array(command.dropFirst()))
      #expect(run.status == 0, "\(run.errors)")
      return folder.appending("cert.pem")
    }
  }

  @Test("a server with TLS 1.1 at most: `tls_failed`, not tried again", .shows(.providerTLS, "old TLS"))
  func oldTLS() async throws {
    let folder = try TemporaryFolder("old")
    let certificate = try await TLSFault.none.certificate(in: folder)
    let server = try await OldTLSServer(certificate: certificate, key: folder.appending("key.pem"))
    let environment = try OldTLSServer.allowing(in: folder)
    let address = "https://127.0.0.1:\(server.port)"
    // It does answer whoever takes so old a version.
    let curl = try await ShellRun.run(
      "/usr/bin/curl", ["-s", "-S", "--cacert", certificate, "-o", "/dev/null", "-w", "%{http_code}", address],
      environment: environment)
    #expect(curl.output == "200", "\(curl)")
    let entry = WireFormat.openai.entry(address, ProviderSite.fast.merging(["ca_file": .string(certificate)]) { $1 })
    let service = try await ServiceProcess.serve(
      in: folder, files: ProviderSite.files(["main": entry]), environment: environment)
    let task = try await service.ended(try await service.create(["agent": "worker", "input": "go"]))
    #expect(task["error"]?["code"] == "tls_failed" && task["attempt"] == 1, "\(task.text)")
    #expect(try await service.steps(task["id"]?.stringValue ?? "").first?["attempt"] == 1)
  }

  private static func limit(_ name: String, _ value: String) -> [String: JSONValue] {
    let usual: [String: JSONValue] = ["connect": "2s", "first_byte": "20s", "idle": "20s", "total": "40s"]
    return ["timeouts": .object(usual.merging([name: .string(value)]) { $1 })]
  }

  @Test(
    "hang, drip, idle: `timeout` by the provider's own `timeouts`, tried again",
    .shows(.providerTimeout, "hang", "drip", "idle"),
    arguments: [
      ProviderFault(
        "hangs before the head", fault: ["hang": "before_head"], "timeout", calls: 2,
        provider: limit("first_byte", "300ms")),
      ProviderFault(
        "hangs after the head", fault: ["hang": "after_head"], "timeout", calls: 2, provider: limit("idle", "300ms")),
      ProviderFault(
        "goes idle in mid-stream", fault: ["idle": 3], "timeout", calls: 2, provider: limit("idle", "300ms")),
      ProviderFault(
        "drips", fault: ["drip": ["bytes": 1, "every": "50ms"]], "timeout", calls: 2,
        provider: limit("total", "800ms")),
      ProviderFault(
        "says that it is still there, and no more", fault: ["comments": ["after": 2, "every": "50ms"]], "timeout",
        calls: 2, provider: limit("total", "800ms")),
    ])
  func timeouts(fault: ProviderFault) async throws {
    let start = ContinuousClock.now
    try await fault.check { site, _ in
      // Whoever was waited for was told that nobody waits any more.
      let gone = try await site.gone(2)
      #expect(gone.count == 2, "\(site.double.told)")
    }
    #expect(ContinuousClock.now - start < .seconds(30))
  }

  @Test(
    "whatever a provider's own `timeouts` are, no call outlives its task", .shows(.providerTimeout, "past the task"),
    arguments: [
      ["hang": "before_head"], ["hang": "after_head"], ["idle": 3], ["drip": ["bytes": 1, "every": "50ms"]],
    ] as [JSONValue])
  func outlived(fault: JSONValue) async throws {
    for format in WireFormat.allCases {
      let site = try await ProviderSite(
        format, [ProviderSite.rule("go", ["text": "This is never whole."], fault: fault)])
      let start = ContinuousClock.now
      let task = try await site.run("go", ["timeout_seconds": 3])
      #expect(task["status"] == "failed" && task["error"]?["code"] == "timeout", "\(task.text)")
      let step = try await site.steps(task).first ?? .null
      #expect(step["attempt"] == 1 && step["error"]?["code"] == "timeout", "\(step.text)")
      #expect(try await site.gone(1) == [1], "\(site.double.told)")
      // Far below the 30 s that the provider itself had.
      #expect(ContinuousClock.now - start < .seconds(15))
    }
  }

  @Test("any byte, a comment too, feeds `idle`", .shows(.providerTimeout), arguments: WireFormat.allCases)
  func comments(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format, [["reply": ["text": "a b c d e f", "pace": "300ms"]]],
      provider: Self.limit("idle", "1500ms"))
    let task = try await site.run("go")
    #expect(task["output"]?["text"] == "a b c d e f", "\(task.text)")
  }

  @Test(
    "comments and pings alone feed `idle` for longer than it lasts", .shows(.providerTimeout),
    arguments: [(WireFormat.openai, "comment"), (.anthropic, "comment"), (.anthropic, "ping")])
  func nothingElse(format: WireFormat, kind: String) async throws {
    let quiet: JSONValue = ["after": 2, "every": "400ms", "times": 8, "kind": .string(kind)]
    let site = try await ProviderSite(
      format, [["reply": ["text": "Here I am."], "fault": ["comments": quiet]]],
      provider: Self.limit("idle", "1500ms"))
    let start = ContinuousClock.now
    let task = try await site.run("go")
    #expect(task["output"]?["text"] == "Here I am.", "\(task.text)")
    #expect(ContinuousClock.now - start >= .seconds(3))
    #expect(try site.double.calls().count == 1)
  }

  @Test(
    "400, 404, 413, 422: `provider_rejected`, `model_unknown`, `context_too_long`, never the same request again",
    .shows(.providerRejects),
    arguments: [
      ProviderFault("400", reply: ["status": 400, "error": [:]], "provider_rejected", calls: 1),
      ProviderFault("422", reply: ["status": 422, "error": [:]], "provider_rejected", calls: 1),
      ProviderFault("404", reply: ["error": ["kind": "model_unknown"]], "model_unknown", calls: 1),
    ])
  func rejections(fault: ProviderFault) async throws { try await fault.check() }

  @Test("too long a prompt: `context_too_long`", .shows(.providerRejects), arguments: WireFormat.allCases)
  func tooLong(format: WireFormat) async throws {
    for reply: JSONValue in [["error": ["kind": "context_too_long"]], ["status": 413, "error": [:]]] {
      let site = try await ProviderSite(format, [["reply": reply]])
      let task = try await site.run("go")
      #expect(task["error"]?["code"] == "context_too_long", "\(task.text)")
      // There is nothing to leave out: the same again would be refused again.
      #expect(try site.double.calls().count == 1)
    }
  }

  @Test(
    "401, 403: `key_invalid`, marked, until a call goes well; never our own 401", .shows(.providerKey),
    arguments: WireFormat.allCases, [401, 403])
  func keys(format: WireFormat, status: Int) async throws {
    let refusing: JSONValue = ["reply": ["status": JSONValue(status), "error": [:]], "times": 2]
    let site = try await ProviderSite(format, [refusing, ProviderSite.saysDone])
    #expect(try await site.provider()["status"] == "ok")
    let task = try await site.run("go")
    #expect(task["error"]?["code"] == "key_invalid", "\(task.text)")
    #expect(try site.double.calls().count == 1)
    #expect(try await site.provider()["status"] == "key_invalid")
    #expect(site.log.contains("key_invalid") && !site.log.contains(ProviderSite.key), "\(site.log)")
    let test = try await site.service.send("POST", "/api/providers/main/test")
    #expect(test.status == 200 && test.json["ok"] == false && test.json["error"]?["code"] == "key_invalid")
    let good = try await site.run("again")
    #expect(good["status"] == "completed", "\(good.text)")
    #expect(try await site.provider()["status"] == "ok")
  }

  private static let failing: [ProviderFault] =
    [408, 409, 500, 502, 503, 504, 529].map { (status: Int) -> ProviderFault in
      ProviderFault("\(status)", reply: ["status": JSONValue(status), "error": [:]], "provider_error", calls: 2)
    } + [
      ProviderFault(
        "502 with a page", reply: ["status": 502, "error": [:]], fault: ["html": true], "provider_error", calls: 2)
    ]

  @Test(
    "408, 409, 500, 502, 503, 504, 529: `provider_error`, tried again after a pause", .shows(.providerFails),
    arguments: failing)
  func failures(fault: ProviderFault) async throws {
    try await fault.check { site, _ in
      let calls = try site.double.calls()
      // U(1/2, 1) × 1 s, on the double's clock.
      #expect((calls.last?.nanoseconds ?? 0) - (calls.first?.nanoseconds ?? 0) > 450_000_000)
    }
  }

  @Test(
    "a redirect: `provider_redirect`, and no key and no body go elsewhere", .shows(.providerRedirect),
    arguments: [301, 302, 303, 307, 308])
  func redirects(status: Int) async throws {
    let fault = ProviderFault("\(status)", fault: ["redirect": JSONValue(status)], "provider_redirect", calls: 1)
    try await fault.check { site, _ in
      let found = try site.double.requests()
      #expect(found.allSatisfy { !$0.isOnSecondListener })
    }
  }

  @Test(
    "a reused connection that closes unanswered costs one counted try, never a second call in secret",
    .shows(.providerUnreachable), arguments: WireFormat.allCases)
  func unanswered(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format,
      [
        ["when": ["prompt": "second", "connection_request": 2], "reply": [:], "fault": ["unanswered": true]],
        ProviderSite.saysDone,
      ])
    #expect(try await site.run("first")["status"] == "completed")
    let task = try await site.run("second")
    #expect(task["status"] == "completed", "\(task.text)")
    let steps = try await site.steps(task)
    #expect(try site.calls("second").count == 2 && steps.first?["attempt"] == 2, "\(steps)")
  }
}
