import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

@testable import AgentTools

@Suite("Writing and editing files")
struct FileChangeTests {
  private static let digester = FixedDigester()
  private static func digest(_ text: String) -> JSONValue { .string(digester.digest(Array(text.utf8))) }

  @Test("a write makes the file and the folders above it, and says what it wrote")
  func write() async throws {
    let bench = try Bench()
    let outcome = try await bench.call("file.write", ["path": "a/b/c.txt", "text": "héllo\n"])
    #expect(outcome.text == "wrote a/b/c.txt (7 bytes)")
    #expect(outcome.writtenFiles == [TaskOutput.File(path: "a/b/c.txt", size: 7)])
    #expect(bench.text("a/b/c.txt") == "héllo\n")
    #expect(try bench.names("a/b") == ["c.txt"])
  }

  @Test("a replaced file keeps its permissions", arguments: [mode_t(0o600), 0o755, 0o444])
  func permissions(mode: mode_t) async throws {
    let bench = try Bench()
    try bench.put("f", "old")
    #expect(chmod(bench.inside("f"), mode) == 0)
    try await bench.call("file.write", ["path": "f", "text": "new"])
    var status = stat()
    #expect(stat(bench.inside("f"), &status) == 0)
    #expect(status.st_mode & 0o7777 == mode)
  }

  @Test("a plan notes the digests before and after, null where no file stood, and does nothing")
  func evidence() async throws {
    let bench = try Bench()
    let write = try bench.tool("file.write")
    let fresh = try await write.plan(["path": "d/./f", "text": "new"], in: bench.context)
    #expect(fresh.effect == .idempotent)
    #expect(fresh.evidence == ["path": "d/f", "before": nil, "after": Self.digest("new")])
    #expect(try bench.names() == [])
    try bench.put("d/f", "old text")
    let again = try await write.plan(["path": "d/f", "text": "new"], in: bench.context)
    #expect(again.evidence == ["path": "d/f", "before": Self.digest("old text"), "after": Self.digest("new")])
    let edit = try await bench.tool("file.edit").plan(["path": "d/f", "old": "old", "new": "new"], in: bench.context)
    #expect(edit.effect == .idempotent)
    #expect(edit.evidence == ["path": "d/f", "before": Self.digest("old text"), "after": Self.digest("new text")])
    #expect(bench.text("d/f") == "old text")
    for name in ["file.read", "file.list", "file.search"] {
      let arguments: JSONValue = name == "file.search" ? ["pattern": "x"] : ["path": "d"]
      #expect(try await bench.tool(name).plan(arguments, in: bench.context) == ToolPlan(effect: .pure))
    }
  }

  @Test(
    "an edit replaces the one place, or says why not",
    arguments: [
      ("one two three", "two", "2", "one 2 three", nil), ("one two", "two", "", "one ", nil),
      ("a\r\nb", "\r\n", "\n", "a\nb", nil), ("grün", "ü", "ue", "gruen", nil), ("x", "x", "", "", nil),
      ("one two", "three", "3", nil, "edit_no_match"), ("one two two", "two", "2", nil, "edit_ambiguous"),
      ("aaa", "aa", "b", nil, "edit_ambiguous"), ("é", "e\u{301}", "e", nil, "edit_no_match"),
      ("One", "one", "1", nil, "edit_no_match"), ("", "a", "b", nil, "edit_no_match"),
      ("one", "", "x", nil, "tool_arguments_invalid"), ("one", "one", "one", nil, "tool_arguments_invalid"),
    ] as [(String, String, String, String?, String?)])
  func edit(text: String, old: String, new: String, expected: String?, code: String?) async throws {
    let bench = try Bench()
    try bench.put("f", text)
    let arguments: JSONValue = ["path": "f", "old": .string(old), "new": .string(new)]
    #expect(try await bench.code("file.edit", arguments) == code)
    // Byte by byte: strings that look alike count as equal in Swift.
    #expect(bench.text("f").map { Array($0.utf8) } == Array((expected ?? text).utf8))
  }

  @Test("an edit of a file that is not there, binary or too large is refused")
  func editRefusals() async throws {
    let bench = try Bench()
    try bench.put("binary", [0x61, 0x00, 0x62])
    try bench.put("latin", [0x61, 0xE9, 0x62])
    let full = String(repeating: "x", count: WorkspaceLimits.fileBytes - 1)
    try bench.put("full", full + "a")
    #expect(try await bench.code("file.edit", ["path": "gone", "old": "a", "new": "b"]) == "file_not_found")
    #expect(try await bench.code("file.edit", ["path": "no/folder", "old": "a", "new": "b"]) == "file_not_found")
    #expect(try await bench.code("file.edit", ["path": "binary", "old": "a", "new": "b"]) == "file_not_text")
    #expect(try await bench.code("file.edit", ["path": "latin", "old": "a", "new": "b"]) == "file_not_text")
    #expect(try await bench.code("file.edit", ["path": "full", "old": "a", "new": "bc"]) == "file_too_large")
  }

  enum Cut: String, CaseIterable, Sendable { case before, after, else_, gone }

  @Test("after a crash the file tells what became of the change", arguments: Cut.allCases, ["file.write", "file.edit"])
  func recall(cut: Cut, name: String) async throws {
    let bench = try Bench()
    try bench.put("d/f", "old")
    let tool = try bench.tool(name)
    let arguments: JSONValue =
      name == "file.write" ? ["path": "d/f", "text": "newer"] : ["path": "d/f", "old": "old", "new": "newer"]
    let plan = try await tool.plan(arguments, in: bench.context)
    // What an unfinished write of this step left, and of another that is none of its business.
    try bench.put("d/.agent-system-task-17-3-9.part", "ne")
    try bench.put("d/.agent-system-task-18-3-9.part", "ne")
    let expected: ToolRecall
    switch cut {
    case .before: expected = .notDone
    case .after:
      expected = .done(try await tool.perform(arguments, plan: plan, in: bench.context))
    case .else_:
      try bench.put("d/f", "somebody's")
      expected = .inDoubt("d/f: neither as before the change nor as after it")
    case .gone:
      #expect(unlink(bench.inside("d/f")) == 0)
      expected = .inDoubt("d/f: neither as before the change nor as after it")
    }
    // A process that knows nothing of the one before.
    let fresh = try #require(
      ToolRegistry(tools: FileToolbox(digester: FixedDigester(), work: BlockingWork()).tools).tool(named: name))
    #expect(await fresh.recall(arguments, plan: plan, in: bench.context) == expected)
    #expect(try !bench.names("d").contains(".agent-system-task-17-3-9.part"))
    #expect(try bench.names("d").contains(".agent-system-task-18-3-9.part"))
    if cut == .before {
      _ = try await fresh.perform(arguments, plan: plan, in: bench.context)
      #expect(bench.text("d/f") == "newer")
    }
  }

  @Test("a write of a new file is not done while nothing stands there, not even its folder")
  func recallFresh() async throws {
    let bench = try Bench()
    let tool = try bench.tool("file.write")
    let arguments: JSONValue = ["path": "d/e/f", "text": "new"]
    let plan = try await tool.plan(arguments, in: bench.context)
    #expect(await tool.recall(arguments, plan: plan, in: bench.context) == .notDone)
    try bench.makeFolder("d/e")
    #expect(await tool.recall(arguments, plan: plan, in: bench.context) == .notDone)
    try bench.put("d/e/f", "other")
    guard case .inDoubt = await tool.recall(arguments, plan: plan, in: bench.context) else {
      Issue.record("a strange file is no proof")
      return
    }
  }

  @Test("evidence that cannot be read, and a workspace that is gone, leave the step in doubt")
  func recallWithoutProof() async throws {
    let bench = try Bench()
    let tool = try bench.tool("file.write")
    let arguments: JSONValue = ["path": "f", "text": "new"]
    for evidence in [nil, [:], ["path": "f", "after": "x"], ["path": "../f", "before": nil, "after": "x"]]
      as [JSONValue?]
    {
      let plan = ToolPlan(effect: .idempotent, evidence: evidence)
      guard case .inDoubt = await tool.recall(arguments, plan: plan, in: bench.context) else {
        Issue.record("no proof in \(String(describing: evidence))")
        continue
      }
      let error = await #expect(throws: ToolError.self) {
        try await tool.perform(arguments, plan: plan, in: bench.context)
      }
      #expect(error?.code == "plan_invalid")
    }
    let plan = try await tool.plan(arguments, in: bench.context)
    try FileManager.default.removeItem(atPath: bench.context.workspace)
    guard case .inDoubt = await tool.recall(arguments, plan: plan, in: bench.context) else {
      Issue.record("a workspace that is gone proves nothing")
      return
    }
  }

  @Test("the same call done twice is one change", arguments: ["file.write", "file.edit"])
  func repeated(name: String) async throws {
    let bench = try Bench()
    try bench.put("f", "old")
    let tool = try bench.tool(name)
    let arguments: JSONValue =
      name == "file.write" ? ["path": "f", "text": "older"] : ["path": "f", "old": "old", "new": "older"]
    let plan = try await tool.plan(arguments, in: bench.context)
    let first = try await tool.perform(arguments, plan: plan, in: bench.context)
    let second = try await tool.perform(arguments, plan: plan, in: bench.context)
    #expect(first == second)
    #expect(bench.text("f") == "older")
  }

  @Test("a file of 16 MiB is written and read, one byte more is refused")
  func largest() async throws {
    let bench = try Bench()
    let text = String(repeating: "x", count: WorkspaceLimits.fileBytes)
    #expect(try await bench.code("file.write", ["path": "f", "text": .string(text)]) == nil)
    #expect(try await bench.code("file.read", ["path": "f", "from_line": 2]) == nil)
    #expect(try await bench.code("file.write", ["path": "g", "text": .string(text + "x")]) == "file_too_large")
    try bench.put("h", text + "x")
    #expect(try await bench.code("file.read", ["path": "h"]) == "file_too_large")
    #expect(try await bench.code("file.write", ["path": "h", "text": "small"]) == "file_too_large")
  }

  @Test("a workspace holds 1 GiB to the byte; what does not grow it is still written")
  func quota() async throws {
    let bench = try Bench()
    try bench.put("f", "12345")
    try bench.put("deep/below/big", "")
    #expect(truncate(bench.inside("deep/below/big"), off_t(WorkspaceLimits.workspaceBytes - 10)) == 0)
    #expect(try await bench.code("file.write", ["path": "g", "text": "123456"]) == "workspace_full")
    #expect(try await bench.code("file.edit", ["path": "f", "old": "12345", "new": "12345678901"]) == "workspace_full")
    #expect(try await bench.code("file.write", ["path": "g", "text": "12345"]) == nil)
    #expect(try await bench.code("file.write", ["path": "f", "text": "1"]) == nil)
    #expect(try await bench.code("file.write", ["path": "h", "text": "12345"]) == "workspace_full")
    #expect(try bench.names() == ["deep", "f", "g"])
  }

  @Test("a folder that came into the file's place is not replaced")
  func folderInPlace() async throws {
    let bench = try Bench()
    let tool = try bench.tool("file.write")
    let plan = try await tool.plan(["path": "new", "text": "x"], in: bench.context)
    try bench.makeFolder("new")
    let refused = await #expect(throws: ToolError.self) {
      try await tool.perform(["path": "new", "text": "x"], plan: plan, in: bench.context)
    }
    #expect(refused?.code == "not_regular_file")
    #expect(try bench.names() == ["new"])
  }

  /// Runs a program of the system; true when it exits with 0.
  private func run(_ arguments: [String]) throws -> Bool {
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus == 0
  }

  @Test("a write that the disk has no room for changes nothing", .enabled(if: geteuid() == 0, "mounts a small disk"))
  func diskFull() async throws {
    let bench = try Bench()
    // Root in a tight container may not mount either.
    guard try run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", bench.context.workspace]) else { return }
    defer { _ = umount2(bench.context.workspace, 2) }
    try await bench.call("file.write", ["path": "f", "text": "old"])
    let large = JSONValue.string(String(repeating: "x", count: 300_000))
    let tool = try bench.tool("file.write")
    for path in ["f", "g"] {
      let arguments: JSONValue = ["path": .string(path), "text": large]
      let plan = try await tool.plan(arguments, in: bench.context)
      let error = await #expect(throws: ToolError.self) {
        try await tool.perform(arguments, plan: plan, in: bench.context)
      }
      #expect(error?.code == "disk_full" && error?.isRetryable == true && error?.mayHaveHappened == false)
      #expect(await tool.recall(arguments, plan: plan, in: bench.context) == .notDone)
    }
    #expect(bench.text("f") == "old")
    #expect(try bench.names() == ["f"])
    try await bench.call("file.write", ["path": "g", "text": "small"])
  }

  @Test("a workspace holds its number of entries; past that nothing new is made, but files are still replaced")
  func entries() async throws {
    let bench = try Bench(quota: WorkspaceQuota(entries: 10))
    try bench.put("d/f0", "")
    for number in 1...7 { try bench.put("f\(number)", "") }
    #expect(try await bench.code("file.write", ["path": "d/last", "text": "x"]) == nil)
    #expect(try await bench.code("file.write", ["path": "over", "text": "x"]) == "workspace_full")
    #expect(try await bench.code("file.write", ["path": "f1", "text": "x"]) == nil)
    try bench.put("strange", "")
    #expect(try await bench.code("file.write", ["path": "f2", "text": "x"]) == "workspace_full")
    #expect(bench.text("over") == nil && bench.text("f2") == "")
  }
}
