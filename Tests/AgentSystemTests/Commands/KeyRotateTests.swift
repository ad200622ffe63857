import AgentCore
import AgentTestKit
import Foundation
import Testing

@testable import AgentSystem

@Suite("agent-system key rotate: what it says at its end")
struct KeyRotateTests {
  private static func page(_ state: String, running: Bool) -> ScriptedReply {
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
      Self.page(request.method == "POST" ? "opening" : state, running: false)
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
    let server = try ScriptedServer { _, _ in Self.page("destroyed", running: false) }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    let status = await fixture.run(try KeyRotateCommand.parse(["--master", "--cancel"]))
    #expect(status == .done && server.requests.map(\.target) == ["/api/keys:rotate-master"])
  }
}
