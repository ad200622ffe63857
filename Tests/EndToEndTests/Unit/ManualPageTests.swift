import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The manual page and the completions, made from the binary's own parser.
@Suite struct ManualPageTests {
  private static var scripts: String {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }
    return root.appendingPathComponent("packaging/scripts").path
  }

  @Test("every command and every flag of the parser is in the manual page, which formats without a warning")
  func page() async throws {
    let folder = try TemporaryFolder()
    let page = try await ShellRun.run(Self.scripts + "/man-page", [ServiceProcess.binary.path])
    #expect(page.status == 0 && page.errors.isEmpty, "\(page.errors)")
    let text = page.output.replacing("\\-", with: "-")
    let dump = try await ShellRun.run(ServiceProcess.binary.path, ["--experimental-dump-help"])
    let root = try #require(try JSONValue(parsing: dump.output)["command"])
    var found = 0
    func look(_ command: JSONValue, _ path: String) {
      found += 1
      let below = command["subcommands"]?.arrayValue ?? []
      if path != "agent-system" { #expect(text.contains("\n.SS \(path)\n"), "\(path)") }
      for argument in command["arguments"]?.arrayValue ?? [] {
        for name in argument["names"]?.arrayValue ?? [] {
          let flag = (name["kind"] == "short" ? "-" : "--") + (name["name"]?.stringValue ?? "")
          #expect(text.contains("\\fB\(flag)\\fR"), "\(path) \(flag)")
        }
      }
      for command in below where command["commandName"] != "help" {
        look(command, "\(path) \(command["commandName"]?.stringValue ?? "")")
      }
    }
    look(root, "agent-system")
    #expect(found > 25)
    for section in ["ENVIRONMENT", "FILES", "EXIT STATUS", "SIGNALS"] { #expect(text.contains("\n.SH \(section)\n")) }

    let file = folder.appending("agent-system.1")
    try Data(page.output.utf8).write(to: URL(fileURLWithPath: file))
    let formatted = try await ShellRun.bash(
      "man --warnings -E UTF-8 -l -Tutf8 -Z \"$FILE\" >/dev/null",
      environment: ["FILE": file, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"])
    #expect(formatted.status == 0 && formatted.errors.isEmpty, "\(formatted.errors)")
  }

  @Test("the completions are programs that their shells take", arguments: ["bash", "zsh", "fish"])
  func completions(shell: String) async throws {
    let script = try await ShellRun.run(ServiceProcess.binary.path, ["--generate-completion-script", shell])
    #expect(script.status == 0 && script.output.contains("agent-system"))
    let folder = try TemporaryFolder()
    try Data(script.output.utf8).write(to: URL(fileURLWithPath: folder.appending("script")))
    // A shell that is not here fails: `make test` installs them.
    let run = try await ShellRun.bash("\(shell) -n \"$FILE\"", environment: ["FILE": folder.appending("script")])
    #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
  }
}
