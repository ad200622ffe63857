import AgentCore
import AgentTestKit
import Foundation
import Testing

@testable import AgentSystem

@Suite("agent-system key rotate")
struct KeyRotateTests {
  private static func ended(_ state: String, running: Bool) -> ScriptedReply {
    ScriptedReply(
      """
      {"keys":[{"id":1,"purpose":"field","state":"\(state)"},{"id":3,"purpose":"field","state":"active"}],\
      "sealing":{"running":\(running),"done":1,"total":2}}
      """)
  }

  static let ends: [(arguments: [String], state: String, isOver: Bool)] = [
    (["--detach"], "opening", false), ([], "opening", false), ([], "destroyed", true),
  ]

  @Test("everything is sealed with the new key only once no key of before opens anything", arguments: ends.indices)
  func words(index: Int) async throws {
    let (arguments, state, isOver) = Self.ends[index]
    let server = try ScriptedServer { request, _ in
      Self.ended(request.method == "POST" ? "opening" : state, running: false)
    }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    let status = await fixture.run(try KeyRotateCommand.parse(arguments))
    #expect(status == .done && fixture.output.lines.count == 1)
    #expect(fixture.output.lines[0].contains("everything") == isOver, "\(fixture.output.lines)")
  }

  @Test("--cancel goes with --master, and asks for no key")
  func cancel() async throws {
    #expect(throws: (any Error).self) { try KeyRotateCommand.parse(["--cancel"]) }
    let server = try ScriptedServer { _, _ in Self.ended("destroyed", running: false) }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    let status = await fixture.run(try KeyRotateCommand.parse(["--master", "--cancel"]))
    #expect(status == .done && server.requests.map(\.target) == ["/api/keys:rotate-master"])
    #expect(try JSONValue(parsing: try #require(server.requests.first).body) == ["cancel": true])
  }

  /// The page of the keys: how far sealing anew is, and whether an older key still opens what it sealed.
  private static func page(_ sealing: String, isOld: Bool = true) -> ScriptedReply {
    let old = isOld ? #"{"id":1,"purpose":"field","state":"opening"},"# : ""
    return ScriptedReply(#"{"keys":[\#(old){"id":3,"purpose":"field","state":"active"}],"sealing":\#(sealing)}"#)
  }
  private static func running(_ done: Int) -> ScriptedReply { page(#"{"running":true,"done":\#(done),"total":20}"#) }
  private static let atRest = page(#"{"running":false,"done":0,"total":20}"#)
  private static let over = page(#"{"running":false,"done":20,"total":20}"#, isOld: false)

  @Test("key rotate tells how far sealing anew is, each figure once, and ends when it is over")
  func progress() async throws {
    // The pass begins a moment after the answer, and one look that finds nothing running is not its end.
    let answers = [
      Self.atRest, Self.atRest, Self.running(5), Self.running(5), Self.atRest, Self.running(20), Self.over, Self.over,
    ]
    let server = try ScriptedServer { _, index in index < answers.count ? answers[index] : ScriptedReply.none }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    #expect(await fixture.run(try KeyRotateCommand.parse([])) == .done)
    #expect(fixture.output.errors == "5 of 20 rows looked through\n20 of 20 rows looked through\n")
    #expect(fixture.output.lines == ["a new key is in use, and everything is sealed with it"])
    #expect(
      server.requests.map { "\($0.method) \($0.target)" }.prefix(2) == ["POST /api/keys:rotate", "GET /api/keys"])
    #expect(server.requests.count == answers.count && fixture.clock.sleeps.count == answers.count - 1)
  }

  @Test("with --detach, and with --json, nothing is told of the progress")
  func quiet() async throws {
    for (arguments, count) in [(["--detach"], 1), (["--json"], 4)] {
      let server = try ScriptedServer { _, index in index < 2 ? Self.running(index) : Self.atRest }
      defer { server.stop() }
      let fixture = try SessionFixture(server, isJSON: arguments == ["--json"])
      #expect(await fixture.run(try KeyRotateCommand.parse(arguments)) == .done)
      #expect(fixture.output.errors.isEmpty && server.requests.count == count, "\(arguments)")
    }
  }
}
