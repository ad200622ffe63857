import AgentCore
import AgentTestKit
import Foundation
import Testing

/// `run` on a real terminal.
@Suite struct TerminalTests {
  private static func typing(_ answer: String) async throws -> (service: ServiceProcess, run: PseudoTerminal.Run) {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ServiceProcess.scripted([
        ServiceProcess.calling("go", [("file.write", ["path": "a.txt", "text": "a"])]),
        ["when": ["turn": 2], "times": 1, "reply": ["delay": "600s", "text": "never"]], ServiceProcess.saysDone,
      ]))
    // Ctrl-C when the third step is shown, then the answer to the question.
    let run = try await PseudoTerminal.run(
      ["run", "go"], of: service,
      steps: [(.shown("[3] "), .type("\u{03}")), (.shown("go on: "), .type(answer + "\n"))])
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
