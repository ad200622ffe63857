import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The fault table's row about private addresses, through `http.request` of scripted agents.
@Suite struct EgressRowTests {
  @Test(
    "private, rebinding, `0x7f.1`, `2130706433`: `egress_denied`, and nobody is connected to", .shows(.privateAddresses)
  )
  func denied() async throws {
    let server = try LoopbackServer { _ in answer(body: "reached") }
    defer { server.stop() }
    let port = server.port
    let allowed: [JSONValue] = ["localhost", "example.test", .string("127.0.0.1:\(port == 65_535 ? 1 : port + 1)")]
    let urls = [
      "http://127.0.0.1:\(port)/", "http://localhost:\(port)/", "http://LOCALHOST.:\(port)/", "http://0x7f.1:\(port)/",
      "http://2130706433:\(port)/", "http://0177.0.0.1:\(port)/", "http://127.1:\(port)/", "http://[::1]:\(port)/",
      "http://[::ffff:127.0.0.1]:\(port)/", "http://0.0.0.0:\(port)/", "http://10.0.0.1:\(port)/",
      "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://[fd00::1]/",
      "http://elsewhere.test/",
    ]
    let (task, steps) = try await Self.run(urls.map { ["method": "GET", "url": .string($0)] }, allowed: allowed)
    #expect(task["status"] == "completed", "\(task.text)")
    #expect(steps.count == urls.count)
    for (url, step) in zip(urls, steps) {
      #expect(step["error"]?["code"] == "egress_denied", "\(url): \(step.text)")
    }
    #expect(server.accepted == 0)
  }

  @Test(
    "a literal address with port that is allowed is reached, and a redirect from there to another is not",
    .shows(.privateAddresses))
  func allowedLiteral() async throws {
    let target = try LoopbackServer { _ in answer(body: "reached") }
    defer { target.stop() }
    let inner = target.url("/inner")
    let server = try LoopbackServer { request in
      request.target == "/go" ? answer(302, headers: ["Location: \(inner)"]) : answer(body: "hello agent")
    }
    defer { server.stop() }
    let (_, steps) = try await Self.run(
      [
        ["method": "GET", "url": .string(server.url("/"))], ["method": "GET", "url": .string(server.url("/go"))],
      ],
      allowed: [.string("127.0.0.1:\(server.port)")])
    #expect(steps.first?["output"]?.text.contains("hello agent") == true, "\(steps.first?.text ?? "")")
    #expect(steps.last?["error"]?["code"] == "egress_denied", "\(steps.last?.text ?? "")")
    #expect(target.accepted == 0)
  }

  @Test(
    "an agent never reaches the service's own listener, even where all of loopback is allowed",
    .shows(.privateAddresses))
  func ownListener() async throws {
    // The port has to stand in the script before the service starts: take a free one and give it back.
    let probe = try LoopbackServer { _ in answer() }
    let port = probe.port
    probe.stop()
    let (_, steps) = try await Self.run(
      [["method": "GET", "url": "http://127.0.0.1:\(port)/health"]].map { (call: [String: String]) in
        .object(call.mapValues(JSONValue.string))
      }, allowed: ["127.0.0.0/8"], listen: "127.0.0.1:\(port)")
    #expect(steps.first?["error"]?["code"] == "egress_denied", "\(steps.first?.text ?? "")")
  }

  @Test("where a request goes is checked after its references are opened", .shows(.privateAddresses))
  func opened() async throws {
    let (good, bad) = (try LoopbackServer { _ in answer(body: "reached") }, try LoopbackServer { _ in answer() })
    defer {
      good.stop()
      bad.stop()
    }
    let denied = [
      "http://10.0.0.1/", "http://127.0.0.1:\(bad.port)/", "http://2130706433:\(bad.port)/",
      "http://169.254.169.254/latest",
    ]
    let urls = denied + [good.url("/")]
    let input: JSONValue = [
      "prompt": "go", "password": .string("127.0.0.1:\(bad.port)"),
      "list": .array(urls.map { ["token": .string($0)] }),
    ]
    let references = urls.indices.map { "{{input.list.\($0).token}}" } + ["http://{{input.password}}/"]
    let (_, steps) = try await Self.run(
      references.map { ["method": "GET", "url": .string($0)] }, allowed: [.string("127.0.0.1:\(good.port)")],
      input: input)
    #expect(steps.count == references.count)
    let reached = steps.dropFirst(denied.count).first
    #expect(reached?["output"]?.text.contains("reached") == true, "\(reached?.text ?? "")")
    for step in steps where step != reached { #expect(step["error"]?["code"] == "egress_denied", "\(step.text)") }
    #expect(good.accepted == 1 && bad.accepted == 0)
    #expect(!steps.map(\.text).joined().contains("169.254.169.254/latest"))
  }

  @Test(
    "a tool never rides on a connection that a provider has open to the same address", .shows(.privateAddresses),
    arguments: WireFormat.allCases)
  func ownConnections(format: WireFormat) async throws {
    let folder = try TemporaryFolder("connections")
    let double = try await ProviderDouble([], in: folder)
    let place = String(double.address.dropFirst("http://".count))
    let get: JSONValue = ["method": "GET", "url": .string(double.address + "/v1/models")]
    try double.script([
      ProviderSite.calling("go", [ProviderSite.call("http.request", get)]),
      ProviderSite.calling("go", turn: 2, [ProviderSite.call("http.request", get)]), ProviderSite.saysDone,
    ])
    let service = try await ServiceProcess.serve(
      in: folder,
      files: ProviderSite.files(
        ["main": format.entry(double.address)],
        agent: ["tools": ["http.request"], "allow_hosts": [.string(place)]]))
    let task = try await service.ended(try await service.create(["agent": "worker", "input": "go"]))
    #expect(task["status"] == "completed", "\(task.text), \(double.told)")
    let requests = try double.requests()
    func connections(_ path: String) -> [Int64] {
      requests.filter { $0.path == path }.compactMap { $0.line["connection"]?.integerValue }
    }
    let (models, tools) = (connections(format.path), connections("/v1/models"))
    // Each keeps its own open, so the other could have had it.
    #expect(models.count == 3 && Set(models).count == 1, "\(models)")
    #expect(tools.count == 2 && Set(tools).isDisjoint(with: models), "\(tools), \(models)")
  }

  private static func run(
    _ calls: [JSONValue], allowed: [JSONValue], listen: String = "127.0.0.1:0", input: JSONValue = "go"
  ) async throws -> (task: JSONValue, steps: [JSONValue]) {
    let files = ServiceProcess.scripted(
      [ServiceProcess.calling("go", calls.map { ("http.request", $0) }), ServiceProcess.saysDone],
      agents: [
        "caller": [
          "instructions": "Do what the script says.", "tools": ["http.request"], "allow_hosts": .array(allowed),
        ]
      ])
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(
      in: folder, files: files, arguments: listen.hasSuffix(":0") ? [] : ["--listen", listen])
    let id = try await service.create(["agent": "caller", "input": input])
    let task = try await service.ended(id)
    return (task, try await service.steps(id).filter { $0["kind"] == "tool_call" })
  }
}
