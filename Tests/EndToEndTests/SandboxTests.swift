import AgentCore
import AgentTestKit
import Foundation
import Testing

/// `agent-system sandbox` as a person starts it in a project.
@Suite struct SandboxTests {
  @Test("tasks are given folders below the current directory and below each --root, and no others")
  func roots() async throws {
    let folder = try TemporaryFolder()
    for name in ["here/project", "one/project", "two/project", "elsewhere/project"] {
      try FileManager.default.createDirectory(atPath: folder.appending(name), withIntermediateDirectories: true)
    }
    let service = try ServiceProcess(
      folder: folder, environment: [:],
      arguments: [
        "sandbox", "--data", folder.appending("data"), "--listen", "127.0.0.1:0", "--root", folder.appending("one"),
        "--root", "../two",
      ], currentFolder: folder.appending("here"))
    for (name, status) in [("here", 201), ("one", 201), ("two", 201), ("elsewhere", 422)] {
      let body: JSONValue = [
        "agent": "coder", "input": "Say hello", "folder": .string(folder.appending(name + "/project")),
      ]
      let answer = try await service.send("POST", "/api/tasks", body, overTCP: true)
      #expect(answer.status == status, "\(name): \(answer.text)")
    }
  }

  @Test("what it shows of its configuration is what it does, and a flag is named only where one was given")
  func shown() async throws {
    let folder = try TemporaryFolder()
    let (home, given, root) = (folder.appending("home"), folder.appending("given"), folder.appending("root"))
    let own = home + "/.local/share/agent-system/sandbox"
    let current = URL(fileURLWithPath: folder.path).resolvingSymlinksInPath().path
    for hasFlags in [false, true] {
      let service = try ServiceProcess(
        folder: folder, environment: ["HOME": home],
        arguments: ["sandbox", "--listen", "127.0.0.1:0"] + (hasFlags ? ["--data", given, "--root", root] : []),
        currentFolder: current)
      let data = hasFlags ? given : own
      func row(_ key: String) async throws -> JSONValue {
        let rows = try await service.send("GET", "/api/config", overTCP: true).json["data"]?.arrayValue ?? []
        return rows.first { $0["file"] == "server.yaml" && $0["key"]?.stringValue == key } ?? .null
      }
      for (key, value, flag) in [
        ("data", .string(data), hasFlags ? "--data" : nil),
        ("log.folder", .string(data + "/log"), hasFlags ? "--data" : nil), ("socket", .null, nil),
        ("listen", ["127.0.0.1:0"], "--listen"),
        (
          "workspace_roots", hasFlags ? [.string(current), .string(root)] : [.string(current)],
          hasFlags ? "--root" : nil
        ),
      ] as [(String, JSONValue, String?)] {
        let row = try await row(key)
        #expect(row["value"] == value, "\(row.text)")
        #expect(row["source"]?.stringValue == (flag == nil ? "default" : "flag"), "\(row.text)")
        #expect(row["from"]?.stringValue == flag, "\(row.text)")
        #expect(row["pending"] == nil, "\(row.text)")
      }
      #expect(FileManager.default.fileExists(atPath: data + "/log/app.log"))
      let show = try await ShellRun.run(
        ServiceProcess.binary.path, ["config", "show", "log.folder", "--json", "--server", try await service.address()])
      let shown = try JSONValue(parsing: show.output)["data"]?.arrayValue?.first
      #expect(shown?["value"]?.stringValue == data + "/log", "\(show)")
      service.signal(SIGTERM)
      #expect(await service.exit() == 0)
    }
  }

  @Test("without --data the data lies in a private folder of the user's, which it names", arguments: [true, false])
  func ownFolder(hasXDG: Bool) async throws {
    let folder = try TemporaryFolder()
    let (home, xdg) = (folder.appending("home"), folder.appending("xdg"))
    let service = try ServiceProcess(
      folder: folder, environment: ["HOME": home].merging(hasXDG ? ["XDG_DATA_HOME": xdg] : [:]) { $1 },
      arguments: ["sandbox", "--listen", "127.0.0.1:0"])
    _ = try await service.address()
    let expected = (hasXDG ? xdg : home + "/.local/share") + "/agent-system/sandbox"
    #expect(service.standardError.contains("data in \(expected)\n"), "\(service.standardError)")
    #expect(FileManager.default.fileExists(atPath: expected + "/agent.db"))
    #expect(!FileManager.default.fileExists(atPath: hasXDG ? home : xdg))
    let attributes = try FileManager.default.attributesOfItem(atPath: expected)
    #expect(attributes[.posixPermissions] as? Int == 0o700)
  }
}
