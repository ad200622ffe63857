import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Which folders a task may be given, and a kernel that cannot open files safely.
@Suite struct WorkspaceRowTests {
  @Test("no task gets the folder of the configuration, the log, the data or the socket, nor one that holds them")
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
}
