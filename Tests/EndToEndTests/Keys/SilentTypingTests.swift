import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Secrets that are typed on a terminal: none is shown there, and the terminal is as it was afterwards.
@Suite struct SilentTypingTests {
  private static func typed(
    _ text: String, _ arguments: [String], _ service: ServiceProcess
  ) async throws -> PseudoTerminal.Run {
    let run = try await PseudoTerminal.run(
      ["key"] + arguments, of: service, steps: [(.silent, .type(text + "\n"))])
    #expect(run.isEchoing && !run.output.contains(text), "\(run)")
    return run
  }

  @Test("a key and a code that are typed are not shown, and the terminal shows what is typed afterwards")
  func unseen() async throws {
    let rig = try KeyRig()
    let (old, new) = (KeyRig.base64(1), KeyRig.base64(2))
    let service = try await rig.serve(master: old)
    let copy = try await Self.typed(old, ["recovery", "confirm", "--master-key"], service)
    #expect(copy.status == 0 && copy.output.contains("confirmed"), "\(copy)")
    #expect(try await Self.typed("ABCD-EFGH", ["recovery", "confirm"], service).status == 1)
    #expect(try await Self.typed(new, ["rotate", "--master"], service).status == 0)
  }

  @Test(
    "a signal while a secret is awaited ends the command, and the terminal shows again what is typed",
    arguments: [("SIGINT", -2), ("SIGTERM", -15), ("SIGHUP", -1), ("SIGQUIT", -3)])
  func signals(name: String, status: Int) async throws {
    let rig = try KeyRig()
    let service = try await rig.serve()
    let run = try await PseudoTerminal.run(
      ["key", "recovery", "confirm"], of: service, steps: [(.silent, .signal(name))])
    #expect(run.isEchoing && run.status == status, "\(run)")
  }
}
