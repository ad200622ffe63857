import AgentCore
import Testing

@testable import AgentSystem

@Suite("agent-system config without a service")
struct ConfigCommandTests {
  private static func fixture(isNamed: Bool) throws -> SessionFixture {
    var input = ClientInput.nothing
    input.environment = ["LOG_LEVEL": "debug"]
    var fixture = try SessionFixture(.socket("/nowhere/nobody.sock"), isJSON: true, input: input)
    fixture.session.isServerNamed = isNamed
    return fixture
  }

  @Test("where none was named and none answers, the files and this shell's variables are read here")
  func fallback() async throws {
    let check = try Self.fixture(isNamed: false)
    #expect(await check.run(try ConfigCheckCommand.parse([])) == .done)
    let answer = try JSONValue(parsing: check.output.text)
    #expect(answer["checked_by"] == "here" && answer["folder"] == "/etc/agent-system", "\(answer)")
    let show = try Self.fixture(isNamed: false)
    #expect(await show.run(try ConfigShowCommand.parse(["log.level"])) == .done)
    let shown = try JSONValue(parsing: show.output.text)
    #expect(shown["read_by"] == "here" && shown["data"]?.arrayValue?.first?["value"] == "debug", "\(shown)")
  }

  @Test("without --json it says so on standard error")
  func note() async throws {
    var fixture = try SessionFixture(.socket("/nowhere/nobody.sock"))
    fixture.session.isServerNamed = false
    #expect(await fixture.run(try ConfigCheckCommand.parse([])) == .done)
    #expect(fixture.output.errors.contains("read here, not by a service"), "\(fixture.output.errors)")
    #expect(fixture.output.text.contains("checked by this command"), "\(fixture.output.text)")
  }

  @Test("one that was named and does not answer is an error")
  func named() async throws {
    let fixture = try Self.fixture(isNamed: true)
    #expect(await fixture.run(try ConfigCheckCommand.parse([])) == .unreachable)
    #expect(fixture.output.text.isEmpty)
  }
}
