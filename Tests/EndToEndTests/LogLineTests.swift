import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Lines of app.log for what no worker and no caller does.
@Suite struct LogLineTests {
  @Test("a start tells in the log, by name, which tasks it put back after a kill")
  func requeued() async throws {
    let folder = try TemporaryFolder()
    let files = ServiceProcess.scripted([ServiceProcess.worksForever])
    let first = try await ServiceProcess.serve(in: folder, files: files)
    let id = try await first.create(["agent": "coder", "input": "x"])
    try await first.running(id)
    await first.killed()
    let second = try await ServiceProcess.serve(in: folder)
    #expect(second.isRunning)
    let log = try String(contentsOfFile: folder.appending("log/app.log"), encoding: .utf8)
    #expect(log.contains(" task.requeued task=\(id) agent=coder reason=crash"), "\(log)")
  }
}
