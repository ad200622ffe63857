import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

@testable import AgentTools

@Suite("Workspaces of tasks")
struct WorkspacesTests {
  private let folder: TemporaryFolder
  private let workspaces: Workspaces
  private let task = TaskID(number: 17)

  init() throws {
    folder = try TemporaryFolder("workspaces")
    for name in ["allowed/project", "allowed/data/workspaces", "elsewhere"] {
      try FileManager.default.createDirectory(atPath: folder.appending(name), withIntermediateDirectories: true)
    }
    workspaces = try Workspaces(
      root: folder.appending("allowed/data/workspaces"),
      allowedRoots: [folder.appending("missing"), folder.appending("allowed")],
      protected: [folder.appending("allowed/data")], work: BlockingWork())
  }

  private func code(_ body: () async throws -> Void) async -> WorkspaceError.Code? {
    do {
      try await body()
      return nil
    } catch {
      return (error as? WorkspaceError)?.code
    }
  }

  private func mode(_ path: String) -> mode_t {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o777 : 0
  }

  @Test("empty workspaces are made together, all of them or none where one stands already")
  func createEmpty() async throws {
    let tasks = (1...5).map { TaskID(number: $0) }
    try await workspaces.create(for: tasks[3], files: [("kept", [1])])
    #expect(await code { try await workspaces.createEmpty(for: tasks) } == .workspaceExists)
    #expect(try await workspaces.existing() == [tasks[3]])
    #expect(try await workspaces.files(in: workspaces.path(for: tasks[3])).files.map(\.path) == ["kept"])
    try await workspaces.remove(tasks[3])
    try await workspaces.createEmpty(for: tasks)
    #expect(try await workspaces.existing() == tasks)
    #expect(mode(workspaces.path(for: tasks[0])) == 0o700)
    try await workspaces.createEmpty(for: [])
  }

  @Test("a workspace is made with its files, for its owner alone, and is not made twice")
  func create() async throws {
    try await workspaces.create(
      for: task, files: [("a/b.txt", Array("text".utf8)), ("c", []), ("a/d", [0, 255])])
    let path = workspaces.path(for: task)
    #expect(path.hasSuffix("/workspaces/task-17"))
    #expect(mode(path) == 0o700)
    let listing = try await workspaces.files(in: path)
    #expect(listing.files.map(\.path) == ["a/b.txt", "a/d", "c"])
    #expect(listing.files.map(\.size) == [4, 2, 0] && !listing.isCut)
    #expect(try await workspaces.read("a/d", in: path) == [0, 255])
    #expect(await code { try await workspaces.create(for: task) } == .workspaceExists)
    #expect(try await workspaces.read("a/b.txt", in: path) == Array("text".utf8))
  }

  @Test(
    "files that break a rule make no workspace, and the error names the file",
    arguments: [
      (["ok", "../x"], .pathOutsideWorkspace, 1), (["/x"], .pathOutsideWorkspace, 0), (["ok", ""], .nameInvalid, 1),
      (["a", "b", "a"], .pathDuplicate, 2), (["a", "./a"], .pathDuplicate, 1), (["a/b", "a"], .pathDuplicate, 1),
      (["a", "a/b"], .pathDuplicate, 0), (["ok", "d/"], .nameInvalid, 1), (["a\nb"], .nameInvalid, 0),
    ] as [([String], WorkspaceError.Code, Int)])
  func badFiles(paths: [String], expected: WorkspaceError.Code, index: Int) async throws {
    let error = await #expect(throws: WorkspaceError.self) {
      try await workspaces.create(for: task, files: paths.map { ($0, [1]) })
    }
    #expect(error?.code == expected && error?.index == index)
    #expect(!FileManager.default.fileExists(atPath: workspaces.path(for: task)))
  }

  @Test("files of 8 MiB in all are taken, a byte more is refused", arguments: [0, 1])
  func largest(extra: Int) async throws {
    let half = [UInt8](repeating: 7, count: WorkspaceLimits.givenBytes / 2)
    let result = await code {
      try await workspaces.create(for: task, files: [("a", half), ("b", half + [UInt8](repeating: 1, count: extra))])
    }
    #expect(result == (extra == 0 ? nil : .filesTooLarge))
    #expect(FileManager.default.fileExists(atPath: workspaces.path(for: task)) == (extra == 0))
  }

  @Test("names that look alike but differ in bytes are not the same file")
  func normalForms() async throws {
    try await workspaces.create(for: task, files: [("\u{E9}", [1]), ("e\u{301}", [2])])
    #expect(try await workspaces.files(in: workspaces.path(for: task)).files.count == 2)
  }

  @Test("the workspaces that stand are listed by task, strange names left alone")
  func existing() async throws {
    for number in [Int64(3), 20, 1] { try await workspaces.create(for: TaskID(number: number)) }
    for name in ["17", "task-017", "task-x", "other"] {
      #expect(mkdir(workspaces.root + "/" + name, 0o700) == 0)
    }
    #expect(try await workspaces.existing().map(\.number) == [1, 3, 20])
  }

  @Test("a workspace is removed with all that is in it; links are not followed; twice does no harm")
  func remove() async throws {
    try await workspaces.create(for: task, files: [("a/b/c", [1]), ("d", [2])])
    let path = workspaces.path(for: task)
    try Data("keep".utf8).write(to: URL(fileURLWithPath: folder.appending("elsewhere/keep")))
    #expect(symlink(folder.appending("elsewhere"), path + "/a/link") == 0)
    #expect(symlink(folder.appending("elsewhere/keep"), path + "/link") == 0)
    #expect(link(folder.appending("elsewhere/keep"), path + "/hard") == 0)
    #expect(mkfifo(path + "/fifo", 0o600) == 0)
    try await workspaces.remove(task)
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(try String(contentsOfFile: folder.appending("elsewhere/keep"), encoding: .utf8) == "keep")
    try await workspaces.remove(task)
    #expect(symlink(folder.appending("elsewhere"), path) == 0)
    try await workspaces.remove(task)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.appending("elsewhere")) == ["keep"])
    #expect(try await workspaces.existing().isEmpty)
  }

  @Test("a workspace 300 folders deep and 3,000 files wide is removed")
  func removeDeep() async throws {
    try await workspaces.create(for: task)
    let path = workspaces.path(for: task)
    let top = open(path, O_RDONLY | O_DIRECTORY)
    // A name that the removal itself would like to use.
    #expect(mkdirat(top, ".agent-system-removed-1", 0o700) == 0)
    #expect(mkdirat(top, ".agent-system-removed-1/x", 0o700) == 0)
    var current = dup(top)
    for _ in 0..<300 {
      #expect(mkdirat(current, "d", 0o700) == 0)
      close(openat(current, "f", O_CREAT | O_WRONLY, 0o600))
      let next = openat(current, "d", O_RDONLY | O_DIRECTORY)
      close(current)
      current = next
    }
    for number in 0..<3_000 { close(openat(top, "f\(number)", O_CREAT | O_WRONLY, 0o600)) }
    close(current)
    close(top)
    try await workspaces.remove(task)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test("a folder below an allowed root is given by its real path")
  func allowed() async throws {
    let project = folder.appending("allowed/project")
    #expect(try await workspaces.checkFolder(project) == project)
    #expect(try await workspaces.checkFolder(project + "/../project/") == project)
    #expect(symlink("project", folder.appending("allowed/link")) == 0)
    #expect(try await workspaces.checkFolder(folder.appending("allowed/link")) == project)
  }

  @Test(
    "any other folder is refused",
    arguments: [
      "allowed", "allowed/nothing", "allowed/file", "allowed/out", "allowed/project/../../elsewhere", "elsewhere", "",
      "allowed/data", "allowed/data/workspaces", "allowed/data/workspaces/task-17", "allowed/project\u{0}",
      "allowed/project\n", "allowedproject",
    ])
  func refused(path: String) async throws {
    try await workspaces.create(for: task)
    try Data().write(to: URL(fileURLWithPath: folder.appending("allowed/file")))
    try FileManager.default.createDirectory(
      atPath: folder.appending("allowedproject"), withIntermediateDirectories: false)
    #expect(symlink("../elsewhere", folder.appending("allowed/out")) == 0)
    #expect(await code { _ = try await workspaces.checkFolder(folder.appending(path)) } == .folderNotAllowed)
    #expect(await code { _ = try await workspaces.checkFolder(path) } == .folderNotAllowed)
  }

  @Test("a folder that holds the service's data is refused though it lies below an allowed root")
  func overlapping() async throws {
    let wide = try Workspaces(
      root: folder.appending("allowed/data/workspaces"), allowedRoots: ["/"],
      protected: [folder.appending("allowed/data")], work: BlockingWork())
    #expect(await code { _ = try await wide.checkFolder(folder.path) } == .folderNotAllowed)
    #expect(await code { _ = try await wide.checkFolder(folder.appending("allowed")) } == .folderNotAllowed)
    #expect(try await wide.checkFolder(folder.appending("allowed/project")) == folder.appending("allowed/project"))
  }

  @Test(
    "reading one file obeys the rules of paths",
    arguments: [
      ("../x", WorkspaceError.Code.pathOutsideWorkspace), ("gone", .fileNotFound), ("a", .notRegularFile),
      ("l", .pathOutsideWorkspace),
    ])
  func readRefusals(path: String, expected: WorkspaceError.Code) async throws {
    try await workspaces.create(for: task, files: [("a/b", [1])])
    #expect(symlink("/etc/passwd", workspaces.path(for: task) + "/l") == 0)
    #expect(await code { _ = try await workspaces.read(path, in: workspaces.path(for: task)) } == expected)
  }

  @Test("a workspace that is gone says so")
  func gone() async throws {
    let path = workspaces.path(for: task)
    #expect(await code { _ = try await workspaces.files(in: path) } == .fileNotFound)
    #expect(await code { _ = try await workspaces.read("f", in: path) } == .fileNotFound)
    #expect(await code { _ = try await workspaces.tar(of: path) } == .fileNotFound)
  }

  @Test("the tar stream unpacks to the same files with the system's tar")
  func tar() async throws {
    let long = Array(repeating: "folder-with-a-long-name", count: 6).joined(separator: "/") + "/文件.txt"
    let big = (0..<WorkspaceLimits.chunkBytes * 2 + 77).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let files: [(path: String, bytes: [UInt8])] = [
      ("a.txt", Array("text".utf8)), ("empty", []), ("block", [UInt8](repeating: 1, count: 512)), (long, [1, 2, 3]),
      ("big", big), (String(repeating: "n", count: 100), [4]), (String(repeating: "n", count: 101), [5]),
    ]
    try await workspaces.create(for: task, files: files)
    let path = workspaces.path(for: task)
    #expect(symlink("/etc/passwd", path + "/link") == 0)
    #expect(mkdir(path + "/bare", 0o700) == 0)
    let stream = try await workspaces.tar(of: path)
    var archive: [UInt8] = []
    while let piece = try await stream.next() { archive += piece }
    #expect(archive.count % 512 == 0 && !stream.isCut)

    let target = folder.appending("unpacked")
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
    try Data(archive).write(to: URL(fileURLWithPath: folder.appending("w.tar")))
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: "/bin/tar")
    process.arguments = ["-xf", folder.appending("w.tar"), "-C", target]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    for file in files {
      #expect(FileManager.default.contents(atPath: target + "/" + file.path).map { [UInt8]($0) } == file.bytes)
    }
    #expect(mode(target + "/bare") != 0)
    #expect(mode(target + "/link") == 0)
  }

  @Test("a file that shrinks while the tar is read keeps the archive whole")
  func shrinking() async throws {
    let size = WorkspaceLimits.chunkBytes * 3
    try await workspaces.create(
      for: task, files: [("a", [UInt8](repeating: 1, count: size)), ("b", [9]), ("gone", [1])])
    let path = workspaces.path(for: task)
    let stream = try await workspaces.tar(of: path)
    var archive = try #require(try await stream.next())
    #expect(truncate(path + "/a", 10) == 0)
    #expect(unlink(path + "/gone") == 0)
    while let piece = try await stream.next() { archive += piece }
    // Header and content of `a`, header and block of `b`, two empty blocks.
    #expect(archive.count == 512 + size + 512 + 512 + 1024)
    #expect(archive[512 + size + 512] == 9)
  }
}
