import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Folders of `workspace_roots` that the service may only read, as a hardened unit finds them.
@Suite struct WritableFolderTests {
  @Test(
    "a folder on a read-only mount is `folder_not_writable` with the drop-in, but not for an agent that only reads",
    .enabled(if: MountedFolder.isPossible, "only root can mount"))
  func readOnly() async throws {
    let folder = try TemporaryFolder()
    let root = folder.appending("projects")
    let mount = try MountedFolder(at: root, "-t", "tmpfs", "-o", "size=1m", "tmpfs")
    try FileManager.default.createDirectory(atPath: root + "/one", withIntermediateDirectories: true)
    try MountedFolder.run(["mount", "-o", "remount,ro", root])
    let service = try await ServiceProcess.serve(
      in: folder,
      files: ServiceProcess.scripted(
        [ServiceProcess.saysDone],
        agents: [
          "coder": ["instructions": "x", "tools": ["file.read", "file.write"]],
          "reader": ["instructions": "x", "tools": ["file.read"]],
        ]
      ).merging(["server.yaml": "workspace_roots: [\(root)]\n"]) { $1 })
    let log = try String(contentsOfFile: folder.appending("log/app.log"), encoding: .utf8)
    #expect(log.contains("WARN") && log.contains("folder_not_writable") && log.contains(root), "\(log)")
    let refused = try await service.send(
      "POST", "/api/tasks", ["agent": "coder", "input": "x", "folder": .string(root + "/one")])
    #expect(refused.status == 409 && refused.json["code"] == "folder_not_writable", "\(refused.text)")
    #expect(refused.text.contains("ReadWritePaths=\(root)/one"), "\(refused.text)")
    let id = try await service.create(["agent": "reader", "input": "x", "folder": .string(root + "/one")])
    #expect(try await service.ended(id)["status"] == "completed")
    await service.killed()
    withExtendedLifetime(mount) {}
  }
}
