import AgentCore
import AgentTestKit
import Foundation
import Synchronization
import Testing

/// The fault table's rows about file tools, by scripted agents on the real binary: the model is told the code, the task
/// goes on, and nothing outside its folder has changed.
@Suite struct FileToolRowTests {
  /// An agent's call and the code that comes back to it; nil: it works.
  struct Attack: Sendable {
    var name: String
    var tool: String
    var arguments: JSONValue
    var code: String?

    init(_ name: String, _ tool: String, _ arguments: JSONValue, _ code: String?) {
      (self.name, self.tool, self.arguments, self.code) = (name, tool, arguments, code)
    }
  }

  @Test("`..`, absolute, link out, device, FIFO, hard link", .shows(.paths))
  func paths() async throws {
    let outside = "path_outside_workspace"
    let odd = "not_regular_file"
    try await Self.run([
      Attack("..", "file.read", ["path": "../outside/secret.txt"], outside),
      Attack(".. in the middle", "file.read", ["path": "sub/../../outside/secret.txt"], outside),
      Attack(".. written", "file.write", ["path": "../outside/new.txt", "text": "x"], outside),
      Attack(".. listed", "file.list", ["path": ".."], outside),
      Attack(".. searched", "file.search", ["path": "..", "pattern": "secret"], outside),
      Attack("absolute", "file.read", ["path": "/etc/passwd"], outside),
      Attack("absolute written", "file.write", ["path": "/tmp/agent-system-row", "text": "x"], outside),
      Attack("link out read", "file.read", ["path": "out/secret.txt"], outside),
      Attack("link out written", "file.write", ["path": "out/new.txt", "text": "x"], outside),
      Attack("link out replaced", "file.write", ["path": "out/secret.txt", "text": "x"], outside),
      Attack("link out edited", "file.edit", ["path": "out/secret.txt", "old": "secret", "new": "x"], outside),
      Attack("link out listed", "file.list", ["path": "out"], outside),
      Attack("link to a file out", "file.read", ["path": "leak.txt"], nil),
      Attack("FIFO", "file.read", ["path": "fifo"], odd),
      Attack("FIFO written", "file.write", ["path": "fifo", "text": "x"], odd),
      Attack("hard link read", "file.read", ["path": "hard.txt"], odd),
      Attack("hard link written", "file.write", ["path": "hard.txt", "text": "x"], odd),
      Attack("hard link edited", "file.edit", ["path": "hard.txt", "old": "secret", "new": "x"], odd),
      Attack("a folder", "file.read", ["path": "sub"], odd),
      Attack("what is allowed", "file.read", ["path": "sub/fine.txt"], nil),
    ]) { folder, outside in
      symlink(outside, folder + "/out")
      symlink(outside + "/secret.txt", folder + "/leak.txt")
      mkfifo(folder + "/fifo", 0o600)
      link(outside + "/secret.txt", folder + "/hard.txt")
    } verify: { steps in
      let leak = steps["link to a file out"]
      #expect(leak?["output"]?.text.contains("the secret") != true, "\(leak?.text ?? "")")
    }
  }

  @Test("device", .shows(.paths), .enabled(if: geteuid() == 0, "only root makes a device"))
  func device() async throws {
    let odd = "not_regular_file"
    try await Self.run([
      Attack("read", "file.read", ["path": "device"], odd),
      Attack("written", "file.write", ["path": "device", "text": "x"], odd),
      Attack("edited", "file.edit", ["path": "device", "old": "a", "new": "x"], odd),
    ]) { folder, _ in
      // The twin of /dev/zero, which would never end.
      #expect(mknod(folder + "/device", S_IFCHR | 0o600, 1 << 8 | 5) == 0)
    }
  }

  @Test("anchor absent, not unique", .shows(.anchors))
  func anchors() async throws {
    try await Self.run([
      Attack("absent", "file.edit", ["path": "sub/fine.txt", "old": "nowhere", "new": "x"], "edit_no_match"),
      Attack("twice", "file.edit", ["path": "sub/fine.txt", "old": "fine", "new": "x"], "edit_ambiguous"),
      Attack("once", "file.edit", ["path": "sub/fine.txt", "old": "is fine,", "new": "was fine,"], nil),
    ])
  }

  @Test("binary, large, odd name", .shows(.content))
  func content() async throws {
    let long = JSONValue.string(String(repeating: "n", count: 256))
    try await Self.run([
      Attack("binary", "file.read", ["path": "binary"], "file_not_text"),
      Attack("not UTF-8", "file.read", ["path": "latin"], "file_not_text"),
      Attack("binary edited", "file.edit", ["path": "binary", "old": "a", "new": "b"], "file_not_text"),
      Attack("large", "file.read", ["path": "large"], "file_too_large"),
      Attack("control character", "file.write", ["path": "a\nb", "text": "x"], "name_invalid"),
      Attack("direction mark", "file.write", ["path": "a\u{202E}txt.exe", "text": "x"], "name_invalid"),
      Attack("empty name", "file.write", ["path": "a//b", "text": "x"], "name_invalid"),
      Attack("empty", "file.write", ["path": "", "text": "x"], "name_invalid"),
      Attack("long name", "file.write", ["path": long, "text": "x"], "name_invalid"),
      Attack("spaces and umlauts", "file.write", ["path": "ä b/ü.txt", "text": "x"], nil),
      Attack("over 256 KiB", "file.read", ["path": "lines"], nil),
      Attack("one line over 256 KiB", "file.read", ["path": "line"], nil),
    ]) { folder, _ in
      let manager = FileManager.default
      _ = manager.createFile(atPath: folder + "/binary", contents: Data([0x61, 0, 0x62]))
      _ = manager.createFile(atPath: folder + "/latin", contents: Data([0x61, 0xE4, 0x62]))
      _ = manager.createFile(atPath: folder + "/large", contents: nil)
      truncate(folder + "/large", 16 << 20 | 1)
      // 300 KiB each.
      let lines = String(repeating: "a line of 32 bytes, its end too.\n", count: 9600)
      _ = manager.createFile(atPath: folder + "/lines", contents: Data(lines.utf8))
      _ = manager.createFile(atPath: folder + "/line", contents: Data(repeating: UInt8(ascii: "x"), count: 300 << 10))
    } verify: { steps in
      for (name, mark) in [("over 256 KiB", "; cut: "), ("one line over 256 KiB", ", cut within the line: ")] {
        let text = steps[name]?["output"]?.text ?? ""
        #expect(text.contains(mark), "\(text.suffix(200))")
        // Escaped line breaks and what is around the text come to less than 16 KiB.
        #expect((200 << 10...272 << 10).contains(text.utf8.count), "\(text.utf8.count)")
      }
    }
  }

  @Test("quota: `workspace_full`, and the service goes on", .shows(.quota))
  func quota() async throws {
    try await Self.run([
      Attack("one more byte", "file.write", ["path": "more.txt", "text": "x"], "workspace_full"),
      Attack(
        "a file grown", "file.write", ["path": "sub/fine.txt", "text": .string(String(repeating: "x", count: 999))],
        "workspace_full"),
      Attack("a file made smaller", "file.write", ["path": "sub/fine.txt", "text": "x"], nil),
      Attack("reading goes on", "file.read", ["path": "sub/fine.txt"], nil),
    ]) { folder, _ in
      _ = FileManager.default.createFile(atPath: folder + "/sparse", contents: nil)
      // Sparse: takes no room on the disk, but counts.
      truncate(folder + "/sparse", 1 << 30)
    }
  }

  @Test("swap race: a folder that turns into a link out again and again lets nothing out", .shows(.paths))
  func swapRace() async throws {
    let folder = try TemporaryFolder()
    let (work, outside) = try Self.folders(in: folder)
    symlink(outside, work + "/link")
    mkdir(work + "/sub2", 0o700)
    var files = ServiceProcess.scripted(
      [
        ServiceProcess.calling(
          "race",
          (0..<32).flatMap { index -> [(name: String, arguments: JSONValue)] in
            [
              ("file.write", ["path": .string("sub2/new\(index).txt"), "text": "x"]),
              ("file.read", ["path": "sub2/secret.txt"]),
            ]
          }), ServiceProcess.saysDone,
      ],
      agents: Self.agents)
    files["server.yaml"] = "workspace_roots: [\(JSONValue.string(folder.path).text)]\n"
    let service = try await ServiceProcess.serve(in: folder, files: files)
    let (isOver, isStopped) = (Signal(), Signal())
    let swaps = SwapCount()
    Thread { Self.swap(work, aside: folder.appending("aside"), swaps, until: isOver, isStopped) }.start()
    let id = try await service.create(["agent": "tester", "input": "race", "folder": .string(work)])
    let task = try await service.ended(id)
    isOver.set()
    await isStopped.wait()
    #expect(task["status"] == "completed", "\(task.text)")
    let allowed: Set = ["path_outside_workspace", "file_not_found", "io_busy", "not_a_folder", "file_changed"]
    var refusals = 0
    for step in try await service.steps(id) {
      if let code = step["error"]?["code"]?.stringValue {
        // `secret.txt` lies outside alone: that it is not found inside tells nothing of the race.
        if step["name"] != "file.read" || code != "file_not_found" { refusals += 1 }
        #expect(allowed.contains(code), "\(step.text)")
      }
      #expect(step["output"]?.text.contains("the secret") != true)
    }
    // Else the race was never met, and the rest says nothing.
    #expect(swaps.number > 0)
    #expect(refusals > 0)
    #expect(try Self.content(of: outside) == ["secret.txt": "the secret"])
  }

  /// `sub2` is the folder, nothing for a moment, then the link out, and the folder again.
  private static func swap(
    _ work: String, aside: String, _ swaps: SwapCount, until isOver: Signal, _ isStopped: Signal
  ) {
    let (folder, link) = (work + "/sub2", work + "/link")
    var trashed = 0
    while !isOver.isSet {
      if rename(folder, aside) == 0, rename(link, folder) == 0, rename(folder, link) == 0, rename(aside, folder) == 0 {
        swaps.add()
        continue
      }
      // The agent made the folder anew in the moment in which there was none.
      trashed += 1
      rename(folder, aside + "-\(trashed)")
      rename(aside, folder)
    }
    isStopped.set()
  }

  /// How often the folder was the link and the folder again.
  private final class SwapCount: Sendable {
    private let count = Atomic(0)
    var number: Int { count.load(ordering: .acquiring) }
    func add() { count.add(1, ordering: .acquiringAndReleasing) }
  }

  // MARK: - The bench

  private static let agents: JSONValue = [
    "tester": [
      "instructions": "Do what the script says.",
      "tools": ["file.list", "file.read", "file.search", "file.write", "file.edit"],
      "limits": ["steps": 500],
    ]
  ]

  private static func folders(in folder: TemporaryFolder) throws -> (work: String, outside: String) {
    let (work, outside) = (folder.appending("work"), folder.appending("outside"))
    for path in [work, outside, work + "/sub"] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    try Data("the secret".utf8).write(to: URL(fileURLWithPath: outside + "/secret.txt"))
    try Data("this is fine, fine".utf8).write(to: URL(fileURLWithPath: work + "/sub/fine.txt"))
    return (work, outside)
  }

  private static func content(of folder: String) throws -> [String: String] {
    var content: [String: String] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
      content[name] = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
    }
    return content
  }

  /// One task whose agent tries all of them in one turn; each call is a step of its own.
  private static func run(
    _ attacks: [Attack], prepare: (_ folder: String, _ outside: String) throws -> Void = { _, _ in },
    verify: ([String: JSONValue]) throws -> Void = { _ in }
  ) async throws {
    let folder = try TemporaryFolder()
    let (work, outside) = try folders(in: folder)
    try prepare(work, outside)
    var files = ServiceProcess.scripted(
      [ServiceProcess.calling("attack", attacks.map { ($0.tool, $0.arguments) }), ServiceProcess.saysDone],
      agents: agents)
    files["server.yaml"] = "workspace_roots: [\(JSONValue.string(folder.path).text)]\n"
    let service = try await ServiceProcess.serve(in: folder, files: files)
    let id = try await service.create(["agent": "tester", "input": "attack", "folder": .string(work)])
    let task = try await service.ended(id)
    #expect(task["status"] == "completed", "\(task.text)")
    // The model was called again after the tools had answered.
    #expect(task["usage"]?["llm_calls"] == 2)
    let steps = try await service.steps(id).filter { $0["kind"] == "tool_call" }
    #expect(steps.count == attacks.count)
    var byName: [String: JSONValue] = [:]
    for (attack, step) in zip(attacks, steps) {
      // The list leaves long outputs out; the step by itself has them.
      byName[attack.name] = try await service.send("GET", "/api/tasks/\(id)/steps/\(step["step"]?.text ?? "")").json
      #expect(step["name"]?.stringValue == attack.tool)
      guard attack.name != "link to a file out" else { continue }
      #expect(step["error"]?["code"]?.stringValue == attack.code, "\(attack.name): \(step.text)")
      #expect(step["status"] == (attack.code == nil ? "finished" : "failed"), "\(attack.name)")
    }
    try verify(byName)
    #expect(try content(of: outside) == ["secret.txt": "the secret"])
    #expect(!FileManager.default.fileExists(atPath: "/tmp/agent-system-row"))
    let next = try await service.create(["agent": "tester", "input": "and then"])
    #expect(try await service.ended(next)["status"] == "completed")
  }
}
