import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The recovery code on a real terminal: a pseudoterminal that a program beside us types on.
@Suite struct KeyTerminalTests {
  /// usage: python3 -c … PROMPT ANSWER COMMAND…: runs the command on a terminal, types the answer once the prompt is
  /// shown, and prints all that the terminal showed; its exit status is the command's.
  private static let typist = """
    import os, pty, select, sys, time
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.argv[3], sys.argv[3:])
    shown, is_typed, end = b"", not sys.argv[1], time.monotonic() + 60
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
        if not is_typed and sys.argv[1].encode() in shown:
            os.write(terminal, sys.argv[2].encode() + b"\\n")
            is_typed = True
    else:
        os.kill(pid, 9)
    sys.stdout.buffer.write(shown)
    sys.stdout.flush()
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """

  private static func onTerminal(
    _ arguments: [String], of service: ServiceProcess, prompt: String = "", answer: String = ""
  ) async throws -> ShellRun {
    try await ShellRun.run(
      "/usr/bin/env",
      ["python3", "-c", typist, prompt, answer, ServiceProcess.binary.path, "key"] + arguments
        + ["--server", "unix:" + service.socket],
      environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "TERM": "xterm"])
  }

  @Test("a terminal is shown the code once and asked nothing; typed at the prompt of confirm it is the right one")
  func code() async throws {
    let rig = try KeyRig()
    let service = try await rig.serve()
    let made = try await Self.onTerminal(["recovery", "new"], of: service)
    let codes = made.output.matches(of: /([0-9A-Z]{4}-){8}[0-9A-Z]{4}/).map { String($0.0) }
    #expect(made.status == 0 && codes.count == 1 && made.output.contains("This is shown once"), "\(made)")
    #expect(made.output.contains("agent-system key recovery confirm") && !made.output.contains("?"), "\(made)")
    #expect(rig.exists("recovery.box"))
    let code = try #require(codes.first)
    let confirmed = try await Self.onTerminal(
      ["recovery", "confirm"], of: service, prompt: "Recovery code: ", answer: code)
    #expect(confirmed.status == 0 && confirmed.output.contains("confirmed: "), "\(confirmed)")
    #expect(try await service.send("GET", "/api/keys").json["recovery"]?["confirmed"] == true)
    // It is nowhere but on the terminal.
    #expect(try await rig.findings(of: code).isEmpty)
    for text in [service.standardError, service.standardOutput] { #expect(!text.contains(code)) }
  }
}
