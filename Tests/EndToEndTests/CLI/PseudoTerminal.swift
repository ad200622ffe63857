import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The binary on a real terminal of 24 lines and 80 columns, with a program beside us that types.
enum PseudoTerminal {
  /// What the typist waits for.
  enum Moment: Sendable {
    case shown(String)
    /// The terminal shows nothing of what is typed.
    case silent
  }

  /// What it does then.
  enum Act: Sendable {
    case type(String)
    /// By its name, e.g. `SIGINT`.
    case signal(String)
  }

  struct Run: Sendable, CustomStringConvertible {
    /// All that the terminal showed.
    let output: String
    /// The command's exit status; that of a signal is negative.
    let status: Int
    /// The terminal shows what is typed, after the command's end.
    let isEchoing: Bool

    var description: String { "status \(status), echo \(isEchoing): \(output)" }
  }

  /// usage: python3 -c … STEPS COMMAND…: each step is an object with `after` (nothing: when the terminal is silent) and
  /// `type` or `signal`. Prints `{"echo":…,"status":…}`, a line break, and all that the terminal showed.
  private static let typist = """
    import fcntl, json, os, select, signal, struct, sys, termios, time
    steps = json.loads(sys.argv[1])
    terminal, other = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(other, termios.TIOCSCTTY, 0)
        for number in range(3):
            os.dup2(other, number)
        os.execv(sys.argv[2], sys.argv[2:])
    echoes = lambda: bool(termios.tcgetattr(other)[3] & termios.ECHO)
    is_due = lambda step: step["after"].encode() in shown if "after" in step else not echoes()
    shown, status, end = b"", None, time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.02)[0]:
            shown += os.read(terminal, 65536)
        elif status is not None:
            break
        else:
            ended, code = os.waitpid(pid, os.WNOHANG)
            status = os.waitstatus_to_exitcode(code) if ended else None
        if steps and status is None and is_due(steps[0]):
            step = steps.pop(0)
            if "type" in step:
                os.write(terminal, step["type"].encode())
            else:
                os.kill(pid, getattr(signal, step["signal"]))
    else:
        os.kill(pid, 9)
    print(json.dumps({"echo": echoes(), "status": status}))
    sys.stdout.flush()
    sys.stdout.buffer.write(shown)
    """

  /// Runs `agent-system ARGUMENTS --server unix:…`, does each step once its moment has come, and returns after the
  /// command's end. One that takes longer than 60 s is killed, and has no status: the expectation fails.
  static func run(
    _ arguments: [String], of service: ServiceProcess, steps: [(Moment, Act)] = [], environment: [String: String] = [:]
  ) async throws -> Run {
    let script = JSONValue.array(steps.map { .object(members(of: $0)) })
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    let run = try await ShellRun.run(
      "/usr/bin/env",
      ["python3", "-c", typist, script.text, ServiceProcess.binary.path] + arguments
        + ["--server", "unix:" + service.socket],
      environment: ["PATH": path, "TERM": "xterm"].merging(environment) { $1 })
    #expect(run.status == 0 && run.errors.isEmpty, "\(run)")
    let parts = run.output.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    let head = try JSONValue(parsing: Array((parts.first ?? "").utf8))
    return Run(
      output: parts.count == 2 ? String(parts[1]) : "", status: Int(try #require(head["status"]?.integerValue)),
      isEchoing: head["echo"] == true)
  }

  private static func members(of step: (Moment, Act)) -> [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    if case .shown(let text) = step.0 { members["after"] = .string(text) }
    switch step.1 {
    case .type(let text): members["type"] = .string(text)
    case .signal(let name): members["signal"] = .string(name)
    }
    return members
  }
}
