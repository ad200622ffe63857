import AgentCore
import AgentTestKit
import Testing

@testable import AgentSystem

@Suite("agent-system provider")
struct ProviderCommandTests {
  private static let rows = """
    {"data":[
      {"name":"sandbox","type":"sandbox","model":null,"base_url":null,"status":"ok","default":true,"last_error":null,
       "concurrency":{"in_use":3,"waiting":0,"max":null}},
      {"name":"openai","type":"openai","model":"big","base_url":"https://api.example.org/v1","status":"key_invalid",
       "default":false,"last_error":{"code":"key_invalid","detail":"wrong","at":"2026-11-24T23:30:50.000Z"},
       "concurrency":{"in_use":1,"waiting":4,"max":8}}
    ],"next_cursor":null}
    """

  @Test("a list is a table; with --json it is the server's own")
  func list() async throws {
    let server = try ScriptedServer { _, _ in ScriptedReply(Self.rows) }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    #expect(await fixture.run(try ProviderListCommand.parse([])) == .done)
    #expect(server.requests.map(\.target) == ["/api/providers"])
    #expect(
      fixture.output.lines.map { $0.split(separator: " ").joined(separator: " ") } == [
        "PROVIDER DEFAULT STATUS IN USE MODEL ADDRESS LAST ERROR", "sandbox default ok 3",
        "openai key_invalid 1/8 big https://api.example.org/v1 key_invalid",
      ])
    let json = try SessionFixture(server, isJSON: true)
    #expect(await json.run(try ProviderListCommand.parse(["--json"])) == .done)
    #expect(try JSONValue(parsing: json.output.text)["data"]?.arrayValue?.count == 2)
  }

  @Test("a test that went well exits 0, and one that did not exits 1, with --json too")
  func test() async throws {
    for isGood in [true, false] {
      let server = try ScriptedServer { _, _ in
        ScriptedReply(
          isGood
            ? #"{"ok":true,"latency_ms":412,"model":"big"}"#
            : #"{"ok":false,"error":{"code":"key_invalid","detail":"the key is wrong"}}"#)
      }
      defer { server.stop() }
      for isJSON in [false, true] {
        let fixture = try SessionFixture(server, isJSON: isJSON)
        let command = try ProviderTestCommand.parse(["my provider"] + (isJSON ? ["--json"] : []))
        #expect(await fixture.run(command) == (isGood ? .done : .failed))
        if isJSON {
          #expect(try JSONValue(parsing: fixture.output.text)["ok"] == .bool(isGood))
        } else {
          #expect(
            fixture.output.text
              == (isGood
                ? "my provider ok: big answered in 412 ms\n" : "my provider key_invalid: the key is wrong\n"))
        }
      }
      #expect(server.requests.allSatisfy { $0.method == "POST" && $0.target == "/api/providers/my%20provider/test" })
    }
  }

  @Test("the default is switched by name; a refusal is told and exits 1")
  func switchDefault() async throws {
    let server = try ScriptedServer { _, index in
      index == 0
        ? ScriptedReply(#"{"name":"openai","default":true}"#)
        : .problem(409, "no_key", "provider openai needs a key and has none")
    }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    #expect(await fixture.run(try ProviderDefaultCommand.parse(["openai"])) == .done)
    #expect(fixture.output.text == "openai is the default\n")
    #expect(server.requests.first?.target == "/api/providers/default?provider=openai")
    #expect(await fixture.run(try ProviderDefaultCommand.parse(["openai"])) == .failed)
    #expect(fixture.output.errors.contains("needs a key"))
    #expect(throws: (any Error).self) { try ProviderTestCommand.parse([""]) }
  }
}
