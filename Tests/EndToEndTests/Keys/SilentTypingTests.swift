import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Secrets that are typed on a terminal: none is shown there, and the terminal is as it was afterwards.
@Suite struct SilentTypingTests {
  /// usage: python3 -c … ANSWER|SIGNAL TEXT COMMAND…: runs the command on a terminal, and once that shows nothing of what
  /// is typed, types the text or sends the signal. Prints whether the terminal shows what is typed in the end, the exit
  /// status, and all that it showed.
  private static let typist = """
    import fcntl, os, select, signal, sys, termios, time
    terminal, other = os.openpty()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(other, termios.TIOCSCTTY, 0)
        for number in range(3):
            os.dup2(other, number)
        os.execv(sys.argv[3], sys.argv[3:])
    shows = lambda: bool(termios.tcgetattr(other)[3] & termios.ECHO)
    shown, is_done, status, end = b"", False, None, time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.02)[0]:
            shown += os.read(terminal, 65536)
            continue
        if status is not None:
            break
        if not is_done and not shows():
            if sys.argv[1] == "ANSWER":
                os.write(terminal, sys.argv[2].encode() + b"\\n")
            else:
                os.kill(pid, getattr(signal, sys.argv[1]))
            is_done = True
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            status = os.waitstatus_to_exitcode(code)
    else:
        os.kill(pid, 9)
    print("echo", shows(), "status", status)
    sys.stdout.flush()
    sys.stdout.buffer.write(shown)
    """

  private static func typed(
    _ what: String, _ text: String, _ arguments: [String], _ service: ServiceProcess
  ) async throws -> String {
    let run = try await ShellRun.run(
      "/usr/bin/env",
      ["python3", "-c", typist, what, text, ServiceProcess.binary.path, "key"] + arguments
        + ["--server", "unix:" + service.socket],
      environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "TERM": "xterm"])
    #expect(run.errors.isEmpty, "\(run)")
    return run.output
  }

  @Test("a key and a code that are typed are not shown, and the terminal shows what is typed afterwards")
  func unseen() async throws {
    let rig = try KeyRig()
    let (old, new) = (KeyRig.base64(1), KeyRig.base64(2))
    let service = try await rig.serve(master: old)
    let copy = try await Self.typed("ANSWER", old, ["recovery", "confirm", "--master-key"], service)
    #expect(copy.hasPrefix("echo True status 0\n") && copy.contains("confirmed") && !copy.contains(old), "\(copy)")
    let wrong = try await Self.typed("ANSWER", "ABCD-EFGH", ["recovery", "confirm"], service)
    #expect(wrong.hasPrefix("echo True status 1\n") && !wrong.contains("ABCD"), "\(wrong)")
    let rotated = try await Self.typed("ANSWER", new, ["rotate", "--master"], service)
    #expect(rotated.hasPrefix("echo True status 0\n") && !rotated.contains(new), "\(rotated)")
  }

  @Test(
    "a signal while a secret is awaited ends the command, and the terminal shows again what is typed",
    arguments: [("SIGINT", -2), ("SIGTERM", -15), ("SIGHUP", -1), ("SIGQUIT", -3)])
  func signals(name: String, status: Int) async throws {
    let rig = try KeyRig()
    let service = try await rig.serve()
    let run = try await Self.typed(name, "", ["recovery", "confirm"], service)
    #expect(run.hasPrefix("echo True status \(status)\n"), "\(run)")
  }
}
