import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The fault table's rows about full disks, on a file system that only root can mount.
@Suite struct DiskRowTests {
  private static let script = ServiceProcess.scripted([
    ["when": ["prompt": "forever"], "reply": ["delay": "600s", "text": "never"]], ServiceProcess.saysDone,
  ])
  private static let task: JSONValue = ["agent": "coder", "input": "x"]

  @Test(
    "full: 507 `disk_full`; cancel, read, cleanup go on from the reserve; room again, and all that was acknowledged",
    .shows(.diskFull), .enabled(if: MountedFolder.isPossible, "only root can mount"))
  func full() async throws {
    let folder = try TemporaryFolder()
    let mount = try MountedFolder(at: folder.appending("data"), "-t", "tmpfs", "-o", "size=128m,mode=0700", "tmpfs")
    let service = try await ServiceProcess.serve(in: folder, files: Self.script)
    let done = try await service.create(Self.task)
    _ = try await service.ended(done)
    let busy = try await service.create(["agent": "coder", "input": "forever"])
    try await service.running(busy)
    let filler = mount.path + "/filler"
    let fill = try await ShellRun.run("/usr/bin/fallocate", ["-l", "80M", filler])
    #expect(fill.status == 0, "\(fill.errors)")
    // The writer looks at the disk once a second when it has nothing to do.
    let health = try await service.asking("GET", "/health") { $0.status == 503 }
    #expect(health.status == 503 && health.text.contains("disk_full"), "\(health.text)")
    let refused = try await service.refused(507, "disk_full", "POST", "/api/tasks", Self.task)
    #expect(refused.head.value(of: "retry-after") != nil)
    #expect(try await service.listed() == [busy, done])
    #expect(try await service.send("DELETE", "/api/tasks/\(busy)").status == 202)
    #expect(try await service.ended(busy)["status"] == "cancelled")
    let cleanup = try await service.send("POST", "/api/maintenance/cleanup?days=0")
    #expect(cleanup.status == 200 && cleanup.json["deleted_tasks"] == 2, "\(cleanup.text)")
    try FileManager.default.removeItem(atPath: filler)
    #expect(try await service.asking("GET", "/health") { $0.status == 200 }.status == 200)
    let next = try await service.create(Self.task)
    #expect(try await service.ended(next)["status"] == "completed")
    #expect(try await service.listed() == [next])
    await service.killed()
    let again = try await ServiceProcess.serve(in: folder)
    #expect(try await again.listed() == [next])
    await again.killed()
  }
}
