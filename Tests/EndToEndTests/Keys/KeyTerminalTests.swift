import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The recovery code on a real terminal.
@Suite struct KeyTerminalTests {
  @Test("a terminal is shown the code once and asked nothing; typed at the prompt of confirm it is the right one")
  func code() async throws {
    let rig = try KeyRig()
    let service = try await rig.serve()
    let made = try await PseudoTerminal.run(["key", "recovery", "new"], of: service)
    let codes = made.output.matches(of: /([0-9A-Z]{4}-){8}[0-9A-Z]{4}/).map { String($0.0) }
    #expect(made.status == 0 && codes.count == 1 && made.output.contains("This is shown once"), "\(made)")
    #expect(made.output.contains("agent-system key recovery confirm") && !made.output.contains("?"), "\(made)")
    #expect(rig.exists("recovery.box"))
    let code = try #require(codes.first)
    let confirmed = try await PseudoTerminal.run(
      ["key", "recovery", "confirm"], of: service, steps: [(.shown("Recovery code: "), .type(code + "\n"))])
    #expect(confirmed.status == 0 && confirmed.output.contains("confirmed: "), "\(confirmed)")
    #expect(try await service.send("GET", "/api/keys").json["recovery"]?["confirmed"] == true)
    // It is nowhere but on the terminal.
    #expect(try await rig.findings(of: code).isEmpty)
    for text in [service.standardError, service.standardOutput] { #expect(!text.contains(code)) }
  }
}
