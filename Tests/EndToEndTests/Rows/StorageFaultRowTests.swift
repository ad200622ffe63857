import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The fault table's rows about a disk that fails or is slow under the running service.
@Suite(.timeLimit(.minutes(2))) struct StorageFaultRowTests {
  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var calls: String
    var error: String
    /// The one file it happens to; nil: to all.
    var file: String?
    var code: String
  }

  private static let writing = "pwrite64,fdatasync,fsync,?mkdir,?mkdirat"

  static let faults = [
    Fault(testDescription: "no sync", calls: "fdatasync,fsync", error: "EIO", code: "storage_io_error"),
    Fault(
      testDescription: "no sync of the WAL", calls: "fdatasync", error: "EIO", file: "agent.db-wal",
      code: "storage_io_error"),
    Fault(
      testDescription: "no write to the WAL", calls: "pwrite64", error: "EIO", file: "agent.db-wal",
      code: "storage_io_error"),
    Fault(testDescription: "nothing to be written", calls: writing, error: "EROFS", code: "storage_read_only"),
    Fault(
      testDescription: "a read-only WAL", calls: "pwrite64,fdatasync", error: "EROFS", file: "agent.db-wal",
      code: "storage_read_only"),
  ]

  private static let script = ServiceProcess.scripted([
    ["when": ["prompt": "forever"], "reply": ["delay": "600s", "text": "never"]], ServiceProcess.saysDone,
  ])
  private static let task: JSONValue = ["agent": "coder", "input": "x"]

  @Test(
    "EIO, read-only: 503 and its code, health within 2 s, reads go on; back by itself with all that was acknowledged",
    .shows(.storageFails), .enabled(if: InjectedFault.isPossible, "\(InjectedFault.whyNot)"), arguments: faults)
  func failing(fault: Fault) async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(in: folder, files: Self.script)
    var acknowledged = [try await service.create(Self.task)]
    _ = try await service.ended(acknowledged[0])
    let busy = try await service.create(["agent": "coder", "input": "forever"])
    acknowledged.append(busy)
    try await service.running(busy)

    let paths = fault.file.map { [folder.appending("data/" + $0)] } ?? []
    let injected = try await InjectedFault(service, fault.calls, "error=\(fault.error)", paths: paths)
    // Measured by a process of its own: this one's threads may be busy with other tests.
    let asked = try await ShellRun.bash(
      "until curl -s --unix-socket \(service.socket) http://localhost/health | tee /dev/stderr | grep -q degraded; "
        + "do :; done; echo $SECONDS")
    #expect(asked.errors.contains(fault.code), "\(asked.errors)")
    #expect(Int(asked.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 99 <= 2, "\(asked.output)")
    for _ in 0..<2 {
      let refused = try await service.refused(503, fault.code, "POST", "/api/tasks", Self.task)
      #expect(refused.head.value(of: "retry-after") != nil)
    }
    try await service.refused(503, fault.code, "DELETE", "/api/tasks/\(busy)")
    #expect(try await service.task(acknowledged[0])["status"] == "completed")
    #expect(try await service.listed() == acknowledged.reversed())

    await injected.end()
    let well = try await service.asking("GET", "/health") { $0.status == 200 }
    #expect(well.status == 200, "\(well.text)")
    acknowledged.append(try await service.create(Self.task))
    #expect(try await service.ended(acknowledged[2])["status"] == "completed")
    #expect(try await service.send("DELETE", "/api/tasks/\(busy)").status == 202)
    #expect(try await service.ended(busy)["status"] == "cancelled")
    await service.killed()

    let next = try await ServiceProcess.serve(in: folder)
    // A refusal left it open whether it was stored: none of these was.
    #expect(try await next.listed() == acknowledged.reversed())
    let statuses = try await acknowledged.asyncMap { try await next.task($0)["status"]?.stringValue }
    #expect(statuses == ["completed", "cancelled", "completed"])
  }

  @Test(
    "a file system that really turns read-only: 503 `storage_read_only`, reads go on; read-only at start: exit 1",
    .shows(.storageFails), .enabled(if: MountedFolder.canLoop, "no file system can be mounted from a file"))
  func readOnlyFileSystem() async throws {
    let folder = try TemporaryFolder()
    let image = try MountedFolder.image(at: folder.appending("image"), megabytes: 128)
    var mount: MountedFolder? = try MountedFolder(at: folder.appending("data"), "-o", "loop", image)
    #expect(chmod(folder.appending("data"), 0o700) == 0)
    let service = try await ServiceProcess.serve(in: folder, files: Self.script)
    let done = try await service.create(Self.task)
    _ = try await service.ended(done)
    // As after an error of the disk. It does not come back, so neither can the service.
    try MountedFolder.run(["mount", "-o", "remount,abort", folder.appending("data")])
    try await service.refused(503, "storage_read_only", "POST", "/api/tasks", Self.task)
    let health = try await service.asking("GET", "/health") { $0.status == 503 }
    #expect(health.text.contains("storage_read_only"), "\(health.text)")
    #expect(try await service.task(done)["status"] == "completed")
    await service.killed()
    mount = nil

    mount = try MountedFolder(at: folder.appending("data"), "-o", "loop", image)
    try MountedFolder.run(["mount", "-o", "remount,ro", folder.appending("data")])
    try await DatabaseRowTests.startRefused(folder, exit: 1, "storage_read_only")
    try MountedFolder.run(["mount", "-o", "remount,rw", folder.appending("data")])
    let next = try await ServiceProcess.serve(in: folder)
    #expect(try await next.listed() == [done])
    await next.killed()
    withExtendedLifetime(mount) {}
  }

  /// More than are in a batch's way, fewer than the connections of a careful client.
  private static let writers = 100

  @Test(
    "fsync > 1 s: WARN `disk_slow`; writers share their commits and all are answered, memory does not grow",
    .shows(.slowSync), .enabled(if: InjectedFault.isPossible, "\(InjectedFault.whyNot)"))
  func slowSync() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(in: folder, files: Self.script)
    _ = try await service.ended(service.create(Self.task))
    let before = try service.residentBytes()
    let began = ContinuousClock.now
    let slow = try await InjectedFault(
      service, "fdatasync", "delay_exit=1200000", paths: [folder.appending("data/agent.db-wal")])
    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<Self.writers {
        group.addTask { try await service.send("POST", "/api/tasks", Self.task).status }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(statuses == Array(repeating: 201, count: Self.writers))
    let took = ContinuousClock.now - began
    // One by one they would take two minutes.
    #expect(took < .seconds(60), "\(took)")
    #expect(service.standardError.contains("disk_slow"), "\(service.standardError)")
    #expect(try service.residentBytes() - before < 64 << 20)
    await slow.end()
    let health = try await service.asking("GET", "/health") { $0.status == 200 }
    #expect(health.status == 200, "\(health.text)")
    for id in try await service.listed("?limit=200") { _ = try await service.ended(id) }
    #expect(try await service.listed("?limit=200").count == Self.writers + 1)
  }

  @Test(
    "on a slow disk the record of the position leaves the commits their turn",
    .enabled(if: InjectedFault.isPossible, "\(InjectedFault.whyNot)"))
  func slowPosition() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(in: folder, files: Self.script)
    let log = folder.appending("syncs")
    let slow = try await InjectedFault(service, "fdatasync,fsync", "delay_exit=1050000", log: log)
    _ = try await service.ended(service.create(Self.task))
    await slow.end()
    let syncs = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
    let commits = syncs.count { $0.contains("agent.db-wal") }
    let positions = syncs.count { $0.contains("wal.position") }
    #expect(commits >= 4 && positions <= commits / 2, "\(commits) commits, \(positions) positions")
  }
}

extension Sequence where Element: Sendable {
  fileprivate func asyncMap<T>(_ body: (Element) async throws -> T) async rethrows -> [T] {
    var values: [T] = []
    for element in self { values.append(try await body(element)) }
    return values
  }
}
