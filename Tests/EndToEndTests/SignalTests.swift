import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Signals to the real binary.
@Suite struct SignalTests {
  private static let busy = ServiceProcess.scripted([
    ["when": ["prompt": "forever"], "reply": ["delay": "600s", "text": "never"]], ServiceProcess.saysDone,
  ])

  @Test(
    "SIGTERM: not ready, nothing more is claimed; the second one cuts the step in hand, exit 0, the work is put back",
    .shows(.reloadSignals))
  func stoppedTwice() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(in: folder, files: Self.busy)
    let id = try await service.create(["agent": "coder", "input": "forever"])
    try await service.running(id)
    service.signal(SIGTERM)
    let unready = try await service.asking("GET", "/readyz") { $0.status == 503 }
    #expect(unready.status == 503, "\(unready.text)")
    #expect(try await service.send("GET", "/livez").status == 200)
    let late = try await service.create(["agent": "coder", "input": "late"])
    #expect(try await service.task(late)["status"] == "pending")
    #expect(try await service.task(id)["status"] == "running")
    // The grace is 20 s: without the second signal nothing ends before.
    let told = ContinuousClock.now
    service.signal(SIGTERM)
    #expect(await service.exit() == 0, "\(service.standardError)")
    #expect(ContinuousClock.now - told < .seconds(15))

    let next = try await ServiceProcess.serve(in: folder)
    #expect(try await next.ended(late)["status"] == "completed")
    try await next.running(id)
    let again = try await next.task(id)
    #expect(again["attempt"] == 1)
    await next.killed()
  }

  @Test("SIGHUP opens app.log anew where something has moved it away, and ends nothing")
  func reopened() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(in: folder, files: Self.busy)
    let (log, moved) = (folder.appending("log/app.log"), folder.appending("log/app.log.moved"))
    try FileManager.default.moveItem(atPath: log, toPath: moved)
    service.signal(SIGHUP)
    _ = try await service.asking("GET", "/livez") { _ in FileManager.default.fileExists(atPath: log) }
    let id = try await service.create(["agent": "coder", "input": "x"])
    _ = try await service.ended(id)
    #expect(try String(contentsOfFile: log, encoding: .utf8).contains("task=\(id)"))
    #expect(try !String(contentsOfFile: moved, encoding: .utf8).contains("task=\(id)"))
  }

  @Test("a SIGHUP that comes before the service is ready ends nothing, and is acted on", .timeLimit(.minutes(1)))
  func early() async throws {
    let folder = try TemporaryFolder()
    // Its first line on standard error comes before the store is opened, its first on standard output when it listens.
    let script = """
      mkfifo out err
      "$BINARY" sandbox --listen 127.0.0.1:0 >out 2>err &
      pid=$!
      exec 4<out 3<err
      read -r line <&3 || exit 7
      kill -HUP $pid
      read -r line <&4 || exit 8
      cat <&3 >/dev/null &
      until grep -q "reloaded: nothing has changed" .local/share/agent-system/sandbox/log/app.log; do
        kill -0 $pid || exit 9
      done
      kill -TERM $pid
      wait $pid
      """
    let run = try await ShellRun.bash(
      script, environment: ["BINARY": ServiceProcess.binary.path, "HOME": folder.path], folder: folder.path)
    #expect(run.status == 0, "\(run)")
  }

  @Test(
    "a SIGHUP with each thread that it starts, from the first on, ends nothing",
    .enabled(if: InjectedFault.isPossible, "strace is not here, or may not trace"), .timeLimit(.minutes(1)))
  func firstOfAll() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      prefix: [
        InjectedFault.program, "-f", "-o", "/dev/null", "-e", "trace=clone3", "-e", "inject=clone3:signal=SIGHUP",
      ])
    #expect(try await service.send("GET", "/livez").status == 200)
  }

  @Test("SIGPIPE ends nothing", .shows(.reloadSignals))
  func brokenPipe() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: Self.busy)
    for _ in 0..<3 {
      service.signal(SIGPIPE)
      #expect(try await service.send("GET", "/livez").status == 200)
    }
    #expect(service.isRunning)
  }

  @Test("a standard output that takes nothing stops neither the start nor the work")
  func fullOutput() async throws {
    let folder = try TemporaryFolder()
    let script = """
      "$BINARY" serve --config "$FOLDER" --data "$FOLDER/data" --log-dir "$FOLDER/log" --listen 127.0.0.1:0 \\
        --socket "$FOLDER/api.sock" >/dev/full 2>/dev/full &
      until curl -sf --unix-socket "$FOLDER/api.sock" http://localhost/health; do
        kill -0 $! || exit 9
      done
      kill -TERM $!
      wait $!
      """
    let run = try await ShellRun.bash(
      script, environment: ["BINARY": ServiceProcess.binary.path, "FOLDER": folder.path])
    #expect(run.status == 0 && run.output.contains("\"ok\""), "\(run)")
  }
}
