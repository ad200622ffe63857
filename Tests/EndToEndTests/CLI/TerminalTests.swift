import AgentCore
import AgentTestKit
import Foundation
import Testing

/// `run` on a real terminal: a pseudoterminal that a program beside us types on.
@Suite struct TerminalTests {
  /// usage: python3 -c … ANSWER COMMAND…: runs the command on a terminal of 80 columns, presses Ctrl-C when the third
  /// step is shown, types the answer to the question, and prints all that the terminal showed; its exit status is the
  /// command's.
  private static let typist = """
    import fcntl, os, pty, select, struct, sys, termios, time
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.argv[2], sys.argv[2:])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    shown, end = b"", time.monotonic() + 60
    script = [(b"[3] ", b"\\x03"), (b"go on: ", sys.argv[1].encode() + b"\\n")]
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
        if script and script[0][0] in shown:
            os.write(terminal, script.pop(0)[1])
    else:
        os.kill(pid, 9)
    sys.stdout.buffer.write(shown)
    sys.stdout.flush()
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """

  private static func typing(_ answer: String) async throws -> (service: ServiceProcess, run: ShellRun) {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ServiceProcess.scripted([
        ServiceProcess.calling("go", [("file.write", ["path": "a.txt", "text": "a"])]),
        ["when": ["turn": 2], "times": 1, "reply": ["delay": "600s", "text": "never"]], ServiceProcess.saysDone,
      ]))
    let run = try await ShellRun.run(
      "/usr/bin/env",
      [
        "python3", "-c", typist, answer, ServiceProcess.binary.path, "run", "go", "--server", "unix:" + service.socket,
      ], environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "TERM": "xterm"])
    return (service, run)
  }

  @Test("a terminal shows the step in hand live; Ctrl-C and d let go of the task, which goes on")
  func detach() async throws {
    let (service, run) = try await Self.typing("d")
    // A live line is written over by what comes after it; a pipe would have plain lines.
    #expect(run.output.contains("\r\u{1B}[K") && run.output.contains("file.write"), "\(run)")
    #expect(run.output.contains("d = detach, c = cancel") && run.output.contains("let go of task-1"), "\(run)")
    #expect(run.status == 1, "\(run)")
    #expect(try await service.task("task-1")["status"] == "running")
    #expect(try await service.send("DELETE", "/api/tasks/task-1").status == 202)
    #expect(try await service.ended("task-1")["status"] == "cancelled")
  }

  @Test("Ctrl-C and c cancel the task, and run tells its end")
  func cancel() async throws {
    let (service, run) = try await Self.typing("c")
    #expect(run.status == 1 && run.output.contains("cancelled"), "\(run)")
    #expect(try await service.task("task-1")["status"] == "cancelled")
  }
}
