import AgentCore
import AgentTestKit
import Foundation
import Testing

@testable import AgentSystem

@Suite("agent-system key")
struct KeyCommandTests {
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

  /// A configuration folder whose server.yaml has these lines; nil: none.
  private static func folder(_ text: String?) throws -> TemporaryFolder {
    let folder = try TemporaryFolder("config")
    if let text { try Data(text.utf8).write(to: URL(fileURLWithPath: folder.appending("server.yaml"))) }
    return folder
  }

  private static func found(
    _ text: String?, given: Bool, data: String = "/srv/agent", others: [String: String] = [:]
  ) throws -> (file: String?, warnings: [String]) {
    let folder = try folder(text)
    for (name, text) in others { try Data(text.utf8).write(to: URL(fileURLWithPath: folder.appending(name))) }
    var warnings: [String] = []
    let file = try ConfiguredKeyFile.find(
      data: data, config: given ? folder.path : nil, installed: folder.path, environment: [:]
    ) { warnings.append($0) }
    return (file, warnings)
  }

  @Test("keys.master_file counts where the command line names the configuration, or its data folder is this one")
  func keyFile() throws {
    let named = "data: /srv/agent\nkeys: {master_file: /mnt/stick/master.key}\n"
    for given in [true, false] {
      #expect(try Self.found(named, given: given).file == "/mnt/stick/master.key")
      #expect(try Self.found("data: /srv/agent\n", given: given).file == nil)
      #expect(try Self.found(nil, given: given).file == nil)
      // What only the service's own environment has is no matter in another file.
      let others = ["providers.yaml": "providers: {a: {type: openai, api_key: '${NOT_SET_ANYWHERE}'}}\n"]
      let found = try Self.found(named, given: given, others: others)
      #expect(found.file == "/mnt/stick/master.key" && found.warnings.isEmpty)
    }
    #expect(try Self.found(named, given: true, data: "/home/ann/copy").file == "/mnt/stick/master.key")
    #expect(try Self.found(named, given: false, data: "/home/ann/copy").file == nil)
  }

  @Test("a server.yaml that cannot be read is refused where it was named, and told where it was not")
  func unreadable() throws {
    let bad = "keys: {master_fil: /a}\n"
    let found = try Self.found(bad, given: false)
    #expect(found.file == nil && found.warnings.count == 1 && found.warnings[0].contains("master_fil"))
    #expect(throws: ClientError.self) { try Self.found(bad, given: true) }
    #expect(throws: ClientError.self) {
      try ConfiguredKeyFile.find(data: "/srv/agent", config: "/nowhere/at/all", environment: [:]) { _ in }
    }
    #expect(throws: (any Error).self) { try KeyShowCommand.parse(["--config", "/etc/agent-system"]) }
  }
}
