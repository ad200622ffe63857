import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Which folders a task may be given, and a kernel that cannot open files safely.
@Suite struct WorkspaceRowTests {
  @Test(
    "no task gets the folder of the configuration, the log, the data or the socket, nor one that holds them",
    .shows(.paths))
  func ownFolders() async throws {
    // The data and the rest lie apart from the socket, so that each is refused for its own sake.
    let (folder, outer) = (try TemporaryFolder(), try TemporaryFolder())
    let below = ["config/sub", "log/sub", "holds/config", "work"]
    for path in below {
      try FileManager.default.createDirectory(atPath: outer.appending(path), withIntermediateDirectories: true)
    }
    try FileManager.default.createDirectory(atPath: folder.appending("beside"), withIntermediateDirectories: true)
    let settings = "workspace_roots: [\(JSONValue.string((outer.path as NSString).deletingLastPathComponent).text)]\n"
    let configuration = outer.appending("config")
    try Data(settings.utf8).write(to: URL(fileURLWithPath: configuration + "/server.yaml"))
    let service = try await ServiceProcess.serve(
      in: folder,
      arguments: [
        "--config", configuration, "--data", outer.appending("data"), "--log-dir", outer.appending("log"),
      ])
    #expect(symlink(configuration, outer.appending("link")) == 0)
    let refused = [
      configuration, configuration + "/sub", outer.appending("log"), outer.appending("log/sub"),
      outer.appending("data"), outer.path, folder.path, outer.appending("link"), outer.appending("link/sub"),
    ]
    for path in refused {
      let answer = try await service.refused(
        422, "folder_not_allowed", "POST", "/api/tasks", ["agent": "coder", "input": "x", "folder": .string(path)])
      #expect(answer.json["errors"]?.arrayValue?.first?["pointer"] == "/folder", "\(path): \(answer.text)")
    }
    for path in [outer.appending("work"), outer.appending("holds/config"), folder.appending("beside")] {
      _ = try await service.create(["agent": "coder", "input": "x", "folder": .string(path)])
    }
  }

  /// Whether this machine lets us trace a program and answer a system call for it.
  private static func canInject() async -> Bool {
    let probe = try? await ShellRun.run("/usr/bin/strace", injection + ["/bin/true"])
    return probe?.status == 0
  }

  /// `-D`: the traced program keeps the process id, and so the tests' signals.
  private static let injection = [
    "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=openat2", "-e", "inject=openat2:error=ENOSYS",
  ]

  @Test(
    "no openat2: it starts with a warning, file tools answer `openat2_unavailable`, and the rest works",
    .enabled("strace cannot trace here") { await Self.canInject() })
  func noOpenat2() async throws {
    let folder = try TemporaryFolder()
    let configuration = folder.appending("config")
    try FileManager.default.createDirectory(atPath: configuration, withIntermediateDirectories: true)
    var files = ServiceProcess.scripted(
      [
        ServiceProcess.calling(
          "try",
          [
            ("file.list", ["path": "."]), ("file.read", ["path": "a"]), ("file.write", ["path": "a", "text": "x"]),
            ("file.search", ["path": ".", "pattern": "x"]), ("file.edit", ["path": "a", "old": "x", "new": "y"]),
          ]), ServiceProcess.saysDone,
      ],
      agents: [
        "tester": [
          "instructions": "Do what the script says.",
          "tools": ["file.list", "file.read", "file.search", "file.write", "file.edit"],
        ], "talker": ["instructions": "Talk.", "tools": []],
      ])
    files["server.yaml"] = "workspace_roots: [\(JSONValue.string(folder.path).text)]\n"
    for (name, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: configuration + "/" + name)) }
    let service = try ServiceProcess(
      folder: folder, environment: [:],
      arguments: Self.injection + [
        ServiceProcess.binary.path, "serve", "--config", configuration, "--data", folder.appending("data"),
        "--log-dir", folder.appending("log"), "--listen", "127.0.0.1:0", "--socket", folder.appending("api.sock"),
      ], binary: URL(fileURLWithPath: "/usr/bin/strace"))
    _ = try await service.address()
    #expect(service.standardError.contains("openat2_unavailable"), "\(service.standardError)")
    let id = try await service.create(["agent": "tester", "input": "try"])
    #expect(try await service.ended(id)["status"] == "completed")
    let calls = try await service.steps(id).filter { $0["kind"] == "tool_call" }
    #expect(calls.count == 5)
    for call in calls { #expect(call["error"]?["code"] == "openat2_unavailable", "\(call.text)") }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: service.data + "/workspaces/" + id) == [])
    // What needs no file goes on; what does is refused whole.
    let talk = try await service.create(["agent": "talker", "input": "hello"])
    #expect(try await service.ended(talk)["status"] == "completed")
    try await service.refused(
      503, "openat2_unavailable", "POST", "/api/tasks",
      ["agent": "talker", "input": "x", "files": [["path": "a.txt", "text": "a"]]])
    try await service.refused(
      503, "openat2_unavailable", "POST", "/api/tasks",
      ["agent": "talker", "input": "x", "folder": .string(folder.appending("config"))])
    try await service.refused(503, "openat2_unavailable", "GET", "/api/tasks/\(id)/files")
    #expect(try await service.listed() == [talk, id])
    await service.killed()
  }
}
