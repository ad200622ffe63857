import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// The reserve of a disk that is nearly full is no agent's and no caller's: on a file system that only root can mount.
@Suite(.enabled(if: MountedFolder.isPossible, "only root can mount")) struct DiskReserveTests {
  private static let reserve: Int64 = 64 << 20
  /// Of what an agent writes.
  private static let size = 600 << 10
  private static let agents: JSONValue = [
    // A context that holds what it writes.
    "writer": [
      "instructions": "Do what the script says.", "tools": ["file.write", "file.edit"], "context_tokens": 1_000_000,
    ]
  ]

  private static func files() -> [String: String] {
    let text = JSONValue.string(String(repeating: "x", count: size))
    return ServiceProcess.scripted(
      [
        ServiceProcess.calling("write", [("file.write", ["path": "sub/large.txt", "text": text])]),
        ["when": ["prompt": "forever"], "reply": ["delay": "600s", "text": "never"]], ServiceProcess.saysDone,
      ], agents: agents)
  }

  private static func mount(in folder: TemporaryFolder) throws -> MountedFolder {
    try MountedFolder(at: folder.appending("data"), "-t", "tmpfs", "-o", "size=160m,mode=0700", "tmpfs")
  }

  /// Takes all but so many bytes.
  private static func fill(_ path: String, leaving bytes: Int64) async throws {
    var answer = statvfs()
    #expect(statvfs(path, &answer) == 0)
    let size = Int64(answer.f_bavail) * Int64(answer.f_frsize) - bytes
    let fill = try await ShellRun.run("/usr/bin/fallocate", ["-l", "\(size)", path + "/filler"])
    #expect(fill.status == 0, "\(fill.errors)")
  }

  /// The task folders by name, each with the bytes of its files.
  private static func workspaces(_ service: ServiceProcess) throws -> [String: Int] {
    let root = service.data + "/workspaces"
    var found: [String: Int] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: root) {
      let names = try FileManager.default.subpathsOfDirectory(atPath: root + "/" + name)
      found[name] = try names.reduce(0) { sum, path in
        let found = try FileManager.default.attributesOfItem(atPath: root + "/" + name + "/" + path)
        // Folders have a size of their own.
        return sum + (found[.type] as? FileAttributeType == .typeRegular ? found[.size] as? Int ?? 0 : 0)
      }
    }
    return found
  }

  @Test(
    "an agent's write into the reserve is `disk_full` to the model; the task goes on, and a cancel still works",
    .shows(.diskFull))
  func agentWrites() async throws {
    let folder = try TemporaryFolder()
    let mount = try Self.mount(in: folder)
    let service = try await ServiceProcess.serve(in: folder, files: Self.files())
    let busy = try await service.create(["agent": "writer", "input": "forever"])
    try await service.running(busy)
    // Enough above the reserve for the task itself, whose journal holds the text twice (as the model's answer and as the
    // tool's argument), and not for the file: no step would begin from the reserve either.
    try await Self.fill(mount.path, leaving: Self.reserve + Int64(Self.size) * 11 / 4)
    let id = try await service.create(["agent": "writer", "input": "write"])
    let task = try await service.ended(id)
    #expect(task["status"] == "completed", "\(task.text)")
    let call = try await service.steps(id).first { $0["kind"] == "tool_call" }
    #expect(call?["error"]?["code"] == "disk_full", "\(call?.text.prefix(600) ?? "")")
    #expect(try Self.workspaces(service)[id] == 0)
    #expect(try await service.send("DELETE", "/api/tasks/\(busy)").status == 202)
    #expect(try await service.ended(busy)["status"] == "cancelled")
    try FileManager.default.removeItem(atPath: mount.path + "/filler")
    #expect(try await service.asking("GET", "/health") { $0.status == 200 }.status == 200)
    let next = try await service.create(["agent": "writer", "input": "write"])
    _ = try await service.ended(next)
    #expect(try Self.workspaces(service)[next] == Self.size)
    await service.killed()
  }

  @Test(
    "uploads that are refused leave nothing behind, with room for them above the reserve or without", .shows(.diskFull))
  func refusedUploads() async throws {
    let folder = try TemporaryFolder()
    let mount = try Self.mount(in: folder)
    let service = try await ServiceProcess.serve(in: folder, files: Self.files())
    let bytes = Data(repeating: 0x61, count: 4 << 20).base64EncodedString()
    let upload: JSONValue = [
      "agent": "writer", "input": "x", "files": [["path": "a/b.bin", "base64": .string(bytes)]],
    ]
    _ = try await service.ended(try await service.create(["agent": "writer", "input": "x"]))
    // Two MiB above the reserve: the store would take the task, but its files go into the reserve.
    try await Self.fill(mount.path, leaving: Self.reserve + (2 << 20))
    let before = try Self.workspaces(service)
    for _ in 0..<10 { try await service.refused(507, "disk_full", "POST", "/api/tasks", upload) }
    #expect(try Self.workspaces(service) == before)
    try FileManager.default.removeItem(atPath: mount.path + "/filler")
    // Now the store refuses too.
    try await Self.fill(mount.path, leaving: Self.reserve - (2 << 20))
    #expect(try await service.asking("GET", "/health") { $0.status == 503 }.text.contains("disk_full"))
    for _ in 0..<10 { try await service.refused(507, "disk_full", "POST", "/api/tasks", upload) }
    try await service.refused(507, "disk_full", "POST", "/api/tasks", ["agent": "writer", "input": "x"])
    #expect(try Self.workspaces(service) == before)
    await service.killed()
  }
}
