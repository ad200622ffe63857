import AgentCore
import Foundation
import Glibc
import Testing

@testable import AgentTools

/// Whether this process may make device nodes: root outside a tight container.
private func canMakeDevices() -> Bool {
  let path = FileManager.default.temporaryDirectory.path + "/device-\(UUID().uuidString)"
  defer { unlink(path) }
  return mknod(path, S_IFCHR | 0o600, 0x103) == 0
}

private func arguments(_ tool: String, _ path: String) -> JSONValue {
  switch tool {
  case "file.write": ["path": .string(path), "text": "new"]
  case "file.edit": ["path": .string(path), "old": "secret", "new": "public"]
  case "file.search": ["path": .string(path), "pattern": "secret"]
  default: ["path": .string(path)]
  }
}

private let allTools = ["file.list", "file.read", "file.search", "file.write", "file.edit"]

@Suite("What a path may name")
struct FilePathTests {
  @Test(
    "a path that says outright that it leads out is refused by every tool",
    arguments: allTools, ["/etc/passwd", "../outside/secret.txt", "a/../../outside/secret.txt", "a/..", "..", "/"])
  func outright(tool: String, path: String) async throws {
    let bench = try Bench()
    #expect(try await bench.code(tool, arguments(tool, path)) == "path_outside_workspace")
  }

  @Test(
    "a link that leads out is followed by no tool",
    arguments: allTools, ["/etc/passwd", "../outside/secret.txt", "/proc/self/root/etc/passwd", "../outside/nothing"])
  func linkOut(tool: String, target: String) async throws {
    let bench = try Bench()
    try FileManager.default.createSymbolicLink(atPath: bench.inside("link"), withDestinationPath: target)
    #expect(try await bench.code(tool, arguments(tool, "link")) == "path_outside_workspace")
    let still = try String(contentsOfFile: bench.outside("secret.txt"), encoding: .utf8)
    #expect(still == Bench.secret)
    #expect(!FileManager.default.fileExists(atPath: bench.outside("nothing")))
  }

  @Test("a folder link that leads out is followed by no tool", arguments: allTools)
  func folderLinkOut(tool: String) async throws {
    let bench = try Bench()
    try FileManager.default.createSymbolicLink(atPath: bench.inside("d"), withDestinationPath: bench.outside(""))
    #expect(try await bench.code(tool, arguments(tool, "d/secret.txt")) == "path_outside_workspace")
    #expect(try await bench.code("file.write", arguments("file.write", "d/e/new.txt")) == "path_outside_workspace")
    #expect(try FileManager.default.contentsOfDirectory(atPath: bench.outside("")) == ["secret.txt"])
  }

  @Test("a magic link is not followed", arguments: ["root/etc/passwd", "cwd/x", "fd/0"])
  func magicLink(path: String) throws {
    let workspace = try WorkspaceFolder(at: "/proc/\(getpid())")
    let path = try WorkspacePath(path)
    let error = #expect(throws: WorkspaceError.self) { _ = try workspace.openFile(path) }
    #expect(error?.code == .pathOutsideWorkspace)
  }

  @Test("links in a circle are refused", arguments: allTools)
  func circle(tool: String) async throws {
    let bench = try Bench()
    try FileManager.default.createSymbolicLink(atPath: bench.inside("a"), withDestinationPath: "b")
    try FileManager.default.createSymbolicLink(atPath: bench.inside("b"), withDestinationPath: "a")
    #expect(try await bench.code(tool, arguments(tool, "a")) == "path_outside_workspace")
  }

  @Test("a link that stays inside is read through, but not written through")
  func linkInside() async throws {
    let bench = try Bench()
    try bench.put("real/file.txt", "a secret")
    try FileManager.default.createSymbolicLink(atPath: bench.inside("f"), withDestinationPath: "real/file.txt")
    try FileManager.default.createSymbolicLink(atPath: bench.inside("d"), withDestinationPath: "real")
    #expect(try await bench.call("file.read", ["path": "f"]).text == "a secret")
    #expect(try await bench.code("file.write", arguments("file.write", "f")) == "not_regular_file")
    #expect(try await bench.code("file.edit", arguments("file.edit", "f")) == "not_regular_file")
    try await bench.call("file.write", ["path": "d/new.txt", "text": "through the folder"])
    #expect(bench.text("real/new.txt") == "through the folder")
  }

  @Test("a FIFO, a folder and a socket are not read or replaced, and nothing hangs", arguments: ["fifo", "folder"])
  func special(name: String) async throws {
    let bench = try Bench()
    #expect(mkfifo(bench.inside("fifo"), 0o600) == 0)
    try bench.makeFolder("folder")
    for tool in ["file.read", "file.write", "file.edit"] {
      #expect(try await bench.code(tool, arguments(tool, name)) == "not_regular_file", "\(tool)")
    }
    #expect(try await bench.code("file.list", ["path": "fifo"]) == "not_a_folder")
  }

  @Test("a device is not read or replaced", .enabled(if: canMakeDevices(), "needs the right to make devices"))
  func device() async throws {
    let bench = try Bench()
    #expect(mknod(bench.inside("zero"), S_IFCHR | 0o600, 0x105) == 0)
    for tool in ["file.read", "file.search", "file.write", "file.edit"] {
      #expect(try await bench.code(tool, arguments(tool, "zero")) == "not_regular_file", "\(tool)")
    }
    #expect(try await bench.call("file.search", ["pattern": "x"]).text.contains("1 files passed over"))
  }

  @Test("a file with a second hard link is not read or replaced")
  func hardLink() async throws {
    let bench = try Bench()
    #expect(link(bench.outside("secret.txt"), bench.inside("mine.txt")) == 0)
    for tool in ["file.read", "file.search", "file.write", "file.edit"] {
      #expect(try await bench.code(tool, arguments(tool, "mine.txt")) == "not_regular_file", "\(tool)")
    }
    #expect(try !(await bench.call("file.search", ["pattern": "secret"]).text.contains(Bench.secret)))
    #expect(try String(contentsOfFile: bench.outside("secret.txt"), encoding: .utf8) == Bench.secret)
  }

  @Test("a workspace whose own path was swapped for a link is refused")
  func swappedWorkspace() async throws {
    let bench = try Bench()
    #expect(rename(bench.context.workspace, bench.folder.appending("moved")) == 0)
    #expect(symlink(bench.outside(""), bench.context.workspace) == 0)
    #expect(try await bench.code("file.read", ["path": "secret.txt"]) == "path_outside_workspace")
    #expect(try await bench.code("file.write", ["path": "new.txt", "text": "x"]) == "path_outside_workspace")
  }

  @Test(
    "an odd name is refused",
    arguments: [
      "", "a//b", "a/", "a\u{0}b", "a\nb", "tab\there", "\u{1B}[31m", "del\u{7F}", "c1\u{85}", "line\u{2028}",
      "bidi\u{202E}txt", String(repeating: "n", count: 256), String(repeating: "é", count: 128),
      Array(repeating: "d", count: 65).joined(separator: "/"), String(repeating: "n/", count: 2048) + "n",
      ".agent-system-task-17-3-0.part",
    ])
  func oddName(path: String) async throws {
    let bench = try Bench()
    for tool in ["file.read", "file.write", "file.edit"] {
      #expect(try await bench.code(tool, arguments(tool, path)) == "name_invalid", "\(tool)")
    }
  }

  @Test(
    "an unusual but honest name is written and read back",
    arguments: [
      "héllo.txt", "文件/说明.md", "👩‍👩‍👧.txt", "with space.txt", "back\\slash", "-rf", "~", "$(id)", "...", ".hidden",
      String(repeating: "n", count: 255), Array(repeating: "d", count: 64).joined(separator: "/"), "./a/./b",
    ])
  func honestName(path: String) async throws {
    let bench = try Bench()
    try await bench.call("file.write", ["path": .string(path), "text": "text"])
    #expect(try await bench.call("file.read", ["path": .string(path)]).text == "text")
    #expect(bench.text(path) == "text")
  }

  @Test("names that look alike but differ in bytes are two files")
  func normalForms() async throws {
    let bench = try Bench()
    try await bench.call("file.write", ["path": "\u{E9}.txt", "text": "one character"])
    try await bench.call("file.write", ["path": "e\u{301}.txt", "text": "two characters"])
    #expect(try await bench.call("file.read", ["path": "\u{E9}.txt"]).text == "one character")
    #expect(try await bench.call("file.read", ["path": "e\u{301}.txt"]).text == "two characters")
  }

  @Test(
    "a kernel's answer becomes a stable code",
    arguments: [
      (EXDEV, "path_outside_workspace"), (ELOOP, "path_outside_workspace"), (ENOENT, "file_not_found"),
      (ENOTDIR, "not_a_folder"), (EISDIR, "not_regular_file"), (ENXIO, "not_regular_file"),
      (ENAMETOOLONG, "name_invalid"), (ENOSPC, "disk_full"), (EDQUOT, "disk_full"), (ENOSYS, "openat2_unavailable"),
      (EIO, "io_error"), (EACCES, "permission_denied"), (EROFS, "storage_read_only"), (EAGAIN, "io_busy"),
    ])
  func codes(number: Int32, code: String) {
    #expect(WorkspaceError(errno: number, "x").toolError.code == code)
  }
}
