import AgentCore
import ArgumentParser
import Testing

@testable import AgentSystem

@Suite("Command line arguments")
struct ArgumentTests {
  @Test(
    "a wrong command line is exit 64 before anything is asked",
    arguments: [
      ["task"], ["task", "show"], ["task", "show", "0"], ["task", "show", "task-01"], ["task", "show", "task-x"],
      ["task", "list", "--status", "done"],
      ["task", "list", "--limit", "0"], ["task", "list", "--limit", "501"], ["task", "list", "--all", "--limit", "3"],
      ["task", "list", "--label", "x"], ["task", "retry", "7", "--from", "step-0"],
      ["task", "retry", "7", "--from", "end"],
      ["task", "resolve", "7", "3"], ["task", "resolve", "7", "0", "--action", "fail"],
      ["task", "resolve", "7", "3", "--action", "maybe"],
      ["task", "resolve", "7", "3", "--action", "retry", "--output", "x"], ["task", "files", "7", "a", "--tar"],
      ["task", "files", "7", "a", "--json"], ["agent", "show", ""], ["cleanup"], ["cleanup", "--days", "-1"],
      ["cleanup", "--days", "36501"], ["run", "x", "--priority", "10"], ["run", "x", "--timeout", "0"],
      ["run", "x", "--timeout", "169h"], ["run", "x", "--label", "a"], ["run", "x", "--label", ":a"],
      ["run", "x", "--folder", "a", "--file", "b"], ["run", "x", "--idempotency-key", ""], ["run", "x", "y"],
      ["run", "x", "--no-such-flag"], ["nonsense"],
    ])
  func refused(arguments: [String]) throws {
    do {
      var command = try ClientRoot.parseAsRoot(arguments)
      // `task` alone parses and answers with its help.
      guard arguments == ["task"] else {
        Issue.record("accepted as \(type(of: command))")
        return
      }
      try command.run()
    } catch {
      let expected: Int32 = arguments == ["task"] ? 0 : 64
      #expect(ClientRoot.exitCode(for: error).rawValue == expected)
    }
  }

  @Test(
    "a wrong command line is one JSON object where --json stands on it",
    arguments: [
      ["task", "list", "--json", "--limit", "0"], ["task", "show", "task-01", "--json"], ["--json", "nonsense"],
      ["run", "x", "--priority", "10", "--json"], ["serve", "--json"], ["cleanup", "--json"],
    ])
  func json(arguments: [String]) throws {
    let error = try #require(throws: (any Error).self) { try AgentSystemCommand.parseAsRoot(arguments) }
    let line = try #require(UsageReport.line(for: error, arguments: arguments, of: AgentSystemCommand.self))
    let json = try JSONValue(parsing: line)
    #expect(!line.contains("\n"))
    #expect(json["code"] == "usage" && json["detail"]?.stringValue?.isEmpty == false)
  }

  @Test(
    "a wrong command line is told in words without --json, and after --",
    arguments: [["task", "list", "--limit", "0"], ["run", "--no-such-flag", "--", "--json"]])
  func words(arguments: [String]) throws {
    let error = try #require(throws: (any Error).self) { try AgentSystemCommand.parseAsRoot(arguments) }
    #expect(UsageReport.line(for: error, arguments: arguments, of: AgentSystemCommand.self) == nil)
  }

  @Test("a task is named with or without its prefix")
  func taskIDs() throws {
    #expect(try TaskShowCommand.parse(["task-17"]).task.id == TaskID(number: 17))
    #expect(try TaskShowCommand.parse(["17"]).task.id == TaskID(number: 17))
  }

  @Test("run has coder for its agent unless told, and takes its lists in order")
  func run() throws {
    let plain = try RunCommand.parse(["do it"])
    #expect(plain.agent == "coder")
    #expect(!plain.detach && plain.prompt == "do it" && plain.file.isEmpty)
    let full = try RunCommand.parse(["--file", "a", "--file", "b", "--label", "x:y", "--server", "unix:/s", "--", "-x"])
    #expect(full.file == ["a", "b"])
    #expect(full.client.server == "unix:/s")
    #expect(full.prompt == "-x")
    #expect(try RunCommand.parse(["-"]).prompt == "-")
  }

  @Test("version says what it is, in words and in JSON")
  func version() throws {
    #expect(try VersionCommand.parse([]).text == "agent-system \(ProductVersion.current)")
    let json = try JSONValue(parsing: try VersionCommand.parse(["--json"]).text)
    #expect(json["version"]?.stringValue == ProductVersion.current)
  }
}
