import AgentCore
import ArgumentParser

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

  @Flag(help: "Print it as JSON.")
  var json = false

  func run() throws { print(text) }

  var text: String {
    let answer: JSONValue = ["name": "agent-system", "version": .string(ProductVersion.current)]
    return json ? answer.text : "agent-system \(ProductVersion.current)"
  }
}
