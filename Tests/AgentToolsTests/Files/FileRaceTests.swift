import AgentCore
import Foundation
import Glibc
import Synchronization
import Testing

@testable import AgentTools

/// One after the other: each keeps a processor busy until it has seen enough.
@Suite("Files while others are at them", .serialized)
struct FileRaceTests {
  /// Does `body` over and over on a thread of its own until `stop`; counts the rounds that it says went well.
  private final class Rival: Sendable {
    private let isStopped = Atomic<Bool>(false)
    private let rounds = Atomic<Int>(0)
    private let ended = ThreadSignal()

    init(_ body: @escaping @Sendable () -> Bool) {
      Thread.detachNewThread { [self] in
        while !isStopped.load(ordering: .relaxed) {
          if body() { rounds.wrappingAdd(1, ordering: .relaxed) }
        }
        ended.send()
      }
    }

    var count: Int { rounds.load(ordering: .relaxed) }

    func stop() async -> Int {
      isStopped.store(true, ordering: .relaxed)
      return await ended.arrives() ? count : 0
    }
  }

  @Test("a folder that is swapped for a link out thousands of times lets nothing out and nothing in")
  func swap() async throws {
    let bench = try Bench()
    try bench.makeFolder("d")
    try bench.put("d/secret.txt", "inside")
    #expect(symlink(bench.outside(""), bench.inside("out")) == 0)
    let (folder, link, aside) = (bench.inside("d"), bench.inside("out"), bench.inside("aside"))
    let trashed = bench.inside("trash")
    let trash = Atomic<Int>(0)
    let rival = Rival {
      if rename(folder, aside) == 0, rename(link, folder) == 0, rename(folder, link) == 0, rename(aside, folder) == 0 {
        return true
      }
      // A write made a fresh folder while the real one was aside: out of the way with it.
      rename(folder, trashed + "\(trash.wrappingAdd(1, ordering: .relaxed).newValue)")
      rename(aside, folder)
      return false
    }
    var written = 0
    var refused: [String: Int] = [:]
    var tries = 0
    while (rival.count < 5000 || tries < 500) && tries < 200_000 {
      tries += 1
      let code = try await bench.code("file.write", ["path": "d/secret.txt", "text": .string("inside \(tries)")])
      if let code { refused[code, default: 0] += 1 } else { written += 1 }
      do {
        let read = try await bench.call("file.read", ["path": "d/secret.txt"]).text
        #expect(read.hasPrefix("inside"))
      } catch let error as ToolError {
        refused[error.code, default: 0] += 1
      }
    }
    #expect(await rival.stop() >= 5000)
    #expect(written > 0 && !refused.isEmpty, "the race was not run: \(written) written, \(refused)")
    // While the folder is aside, a write may make a fresh one; nothing else can go wrong.
    let expected: Set = ["path_outside_workspace", "file_not_found", "file_changed", "io_busy", "not_a_folder"]
    #expect(Set(refused.keys).isSubset(of: expected), "\(refused)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: bench.outside("")) == ["secret.txt"])
    #expect(try String(contentsOfFile: bench.outside("secret.txt"), encoding: .utf8) == Bench.secret)
  }

  @Test("a file that is swapped for a link out is never written through")
  func swapFile() async throws {
    let bench = try Bench()
    try bench.put("f", "inside")
    #expect(symlink(bench.outside("secret.txt"), bench.inside("out")) == 0)
    let (file, link, aside) = (bench.inside("f"), bench.inside("out"), bench.inside("aside"))
    let rival = Rival {
      rename(file, aside) == 0 && rename(link, file) == 0 && rename(file, link) == 0 && rename(aside, file) == 0
    }
    var tries = 0
    while (rival.count < 5000 || tries < 500) && tries < 200_000 {
      tries += 1
      _ = try await bench.code("file.write", ["path": "f", "text": .string("inside \(tries)")])
      do {
        let read = try await bench.call("file.read", ["path": "f"]).text
        #expect(read.hasPrefix("inside"))
      } catch is ToolError {
        continue
      }
    }
    #expect(await rival.stop() >= 5000)
    #expect(try String(contentsOfFile: bench.outside("secret.txt"), encoding: .utf8) == Bench.secret)
  }

  @Test("a reader sees the old file or the new one, never a part of either")
  func atomicity() async throws {
    let bench = try Bench()
    let size = 300_000
    let texts = ["a", "b"].map { String(repeating: $0, count: size) }
    try bench.put("f", texts[0])
    let path = bench.inside("f")
    let whole = texts.map { Data($0.utf8) }
    let torn = Atomic<Int>(0)
    let reads = Atomic<Int>(0)
    let rival = Rival {
      let bytes = FileManager.default.contents(atPath: path) ?? Data()
      if !whole.contains(bytes) { torn.wrappingAdd(1, ordering: .relaxed) }
      reads.wrappingAdd(1, ordering: .relaxed)
      return true
    }
    var writes = 0
    while (writes < 40 || reads.load(ordering: .relaxed) < 40) && writes < 5_000 {
      writes += 1
      try await bench.call("file.write", ["path": "f", "text": .string(texts[writes % 2])])
    }
    #expect(await rival.stop() >= 40)
    let tornReads = torn.load(ordering: .relaxed)
    #expect(tornReads == 0)
    #expect(try bench.names() == ["f"])
  }

  @Test(
    "a file that another hand changes between plan and deed is not overwritten", arguments: ["file.write", "file.edit"])
  func changedMeanwhile(name: String) async throws {
    let bench = try Bench()
    try bench.put("f", "old")
    let tool = try bench.tool(name)
    let arguments: JSONValue =
      name == "file.write" ? ["path": "f", "text": "new"] : ["path": "f", "old": "old", "new": "new"]
    let plan = try await tool.plan(arguments, in: bench.context)
    try bench.put("f", "somebody's old")
    let error = await #expect(throws: ToolError.self) {
      try await tool.perform(arguments, plan: plan, in: bench.context)
    }
    #expect(error?.code == "file_changed")
    #expect(bench.text("f") == "somebody's old")
  }

  @Test(
    "a file that changes, comes or goes between the last look and the rename is not overwritten", arguments: [0, 1, 2])
  func changedAtTheLast(way: Int) throws {
    let bench = try Bench()
    if way != 1 { try bench.put("f", "old") }
    let workspace = try WorkspaceFolder(at: bench.context.workspace)
    let path = try WorkspacePath("f")
    let parent = try workspace.openParent(of: path, making: false)
    let before = try workspace.snapshot(of: path, in: parent, ticket: WorkTicket())
    if way == 2 { #expect(unlink(bench.inside("f")) == 0) } else { try bench.put("f", "somebody's") }
    let error = #expect(throws: WorkspaceError.self) {
      try workspace.replace(
        path, in: parent, with: [1], over: before, temporaryName: Array("temporary".utf8), ticket: WorkTicket())
    }
    #expect(error?.code == .fileChanged)
    #expect(bench.text("f") == (way == 2 ? nil : "somebody's"))
    #expect(bench.text("temporary") == nil)
  }

  @Test("a call that is cancelled before the rename leaves nothing behind")
  func cancelledAtTheLast() throws {
    let bench = try Bench()
    let workspace = try WorkspaceFolder(at: bench.context.workspace)
    let path = try WorkspacePath("f")
    let parent = try workspace.openParent(of: path, making: false)
    let ticket = WorkTicket()
    #expect(ticket.cancel())
    let error = #expect(throws: WorkspaceError.self) {
      try workspace.replace(
        path, in: parent, with: [], over: nil, temporaryName: Array("temporary".utf8), ticket: ticket)
    }
    #expect(error?.code == .cancelled)
    #expect(try bench.names() == [])
  }
}
