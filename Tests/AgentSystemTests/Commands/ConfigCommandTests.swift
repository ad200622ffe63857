import AgentCore
import AgentTestKit
import Foundation
import Testing

@testable import AgentSystem

@Suite("agent-system config without a service")
struct ConfigCommandTests {
  /// With an installed folder of its own: this machine's says nothing here.
  private static func fixture(
    isNamed: Bool, isJSON: Bool = true, configuration: String = "/nowhere/agent-system"
  ) throws -> SessionFixture {
    var input = ClientInput.nothing
    input.environment = ["LOG_LEVEL": "debug"]
    input.configuration = configuration
    var fixture = try SessionFixture(.socket("/nowhere/nobody.sock"), isJSON: isJSON, input: input)
    fixture.session.isServerNamed = isNamed
    return fixture
  }

  @Test(
    "where none was named and none answers, the files and this shell's variables are read here",
    arguments: [true, false])
  func fallback(isInstalled: Bool) async throws {
    let folder = try TemporaryFolder("installed")
    try Data("workers: 7\n".utf8).write(to: URL(fileURLWithPath: folder.appending("server.yaml")))
    let path = isInstalled ? folder.path : folder.appending("none")
    let check = try Self.fixture(isNamed: false, configuration: path)
    #expect(await check.run(try ConfigCheckCommand.parse([])) == .done)
    let answer = try JSONValue(parsing: check.output.text)
    #expect(answer["checked_by"] == "here" && answer["folder"]?.stringValue == path.absolute, "\(answer)")
    for (key, value) in [("log.level", "debug"), ("workers", isInstalled ? 7 : 64)] as [(String, JSONValue)] {
      let show = try Self.fixture(isNamed: false, configuration: path)
      #expect(await show.run(try ConfigShowCommand.parse([key])) == .done)
      let shown = try JSONValue(parsing: show.output.text)
      #expect(shown["read_by"] == "here" && shown["data"]?.arrayValue?.first?["value"] == value, "\(shown)")
    }
  }

  @Test("unless told otherwise the installed folder is the package's")
  func installed() { #expect(ClientInput.nothing.configuration == "/etc/agent-system") }

  @Test("without --json it says so on standard error")
  func note() async throws {
    let fixture = try Self.fixture(isNamed: false, isJSON: false)
    #expect(await fixture.run(try ConfigCheckCommand.parse([])) == .done)
    #expect(fixture.output.errors.contains("read here, not by a service: /nowhere/agent-system"))
    #expect(fixture.output.text.contains("checked by this command"), "\(fixture.output.text)")
  }

  @Test("one that was named and does not answer is an error")
  func named() async throws {
    let fixture = try Self.fixture(isNamed: true)
    #expect(await fixture.run(try ConfigCheckCommand.parse([])) == .unreachable)
    #expect(fixture.output.text.isEmpty)
  }
}
