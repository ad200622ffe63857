import AgentCore
import AgentTestKit
import Foundation
import Synchronization
import Testing

/// The fault table's row on power cuts: a disk image, copied while the service stands still, holds what the kernel had
/// sent to the disk by then and nothing of what it still kept in memory.
@Suite struct PowerCutTests {
  private static let cuts = 3
  private static let clients = 8
  private static let text = String(repeating: "written before the cut\n", count: 200)
  private static let script = ServiceProcess.scripted([
    ServiceProcess.calling("write", [("file.write", ["path": "deep/er/note.txt", "text": .string(text)])]),
    ServiceProcess.saysDone,
  ])

  /// What the clients were told.
  private struct Told {
    var created: Set<String> = []
    var completed: [String: JSONValue] = [:]
  }

  private final class Clients: Sendable {
    let told = Mutex(Told())
  }

  @Test(
    "power cut: what was answered is there, what was completed stays so with its files, and the work goes on",
    .shows(.killed), .enabled(if: MountedFolder.canLoop, "only root can mount disk images"))
  func powerCut() async throws {
    let seed = UInt64.random(in: 1...999_999)
    let random = SeededRandom(seed: seed)
    let folder = try TemporaryFolder("power")
    let image = folder.appending("disk.img")
    let disk = try DiskImage(at: image, mountedAt: folder.appending("data"))
    let service = try await ServiceProcess.serve(in: folder, files: Self.script)
    for cut in 1...Self.cuts {
      let clients = Clients()
      let enough = 20 + Int(random.next() % 40)
      let isReached = Signal()
      await withDiscardingTaskGroup { group in
        for _ in 0..<Self.clients {
          group.addTask { await Self.work(service, clients, until: enough, isReached) }
        }
        await isReached.wait()
        service.signal(SIGSTOP)
        let before = clients.told.withLock { $0 }
        do {
          let copy = folder.appending("cut-\(cut).img")
          try await disk.copy(to: copy)
          service.signal(SIGCONT)
          try await Self.survives(before, image: copy, "cut \(cut), seed \(seed)")
        } catch {
          service.signal(SIGCONT)
          Issue.record("cut \(cut), seed \(seed): \(error)")
        }
      }
    }
    await service.killed()
  }

  /// Asks for tasks one after the other, and waits for every second one.
  private static func work(
    _ service: ServiceProcess, _ clients: Clients, until enough: Int, _ isReached: Signal
  ) async {
    for number in 0... {
      let count = clients.told.withLock { $0.created.count }
      if count >= enough { isReached.set() }
      // Beyond the cut, so that it comes in the middle of work.
      if count >= enough + Self.clients { return }
      do {
        let id = try await service.create(["agent": "writer", "input": "write"])
        clients.told.withLock { _ = $0.created.insert(id) }
        guard number % 2 == 0 else { continue }
        let task = try await service.ended(id)
        clients.told.withLock { $0.completed[id] = task["output"] }
      } catch {
        Issue.record(error)
        isReached.set()
        return
      }
    }
  }

  private static func survives(_ told: Told, image: String, _ comment: Comment) async throws {
    let folder = try TemporaryFolder("after")
    let mount = try MountedFolder(at: folder.appending("data"), "-o", "loop", image)
    let service = try await ServiceProcess.serve(in: folder, files: Self.script)
    for id in told.created {
      let answer = try await service.send("GET", "/api/tasks/\(id)")
      #expect(answer.status == 200, "\(id): \(answer.text), \(comment)")
    }
    for (id, output) in told.completed {
      let task = try await service.task(id)
      #expect(task["status"] == "completed" && task["output"] == output, "\(task.text), \(comment)")
      let note = FileManager.default.contents(atPath: mount.path + "/workspaces/\(id)/deep/er/note.txt")
      #expect(note == Data(Self.text.utf8), "\(id), \(comment)")
    }
    let check = try await ShellRun.run(
      "/usr/bin/sqlite3", ["-readonly", mount.path + "/agent.db", "PRAGMA integrity_check"])
    #expect(check.output == "ok\n", comment)
    // Every one of them, and a new one, comes to its end.
    let next = try await service.create(["agent": "writer", "input": "write"])
    #expect(!told.created.contains(next), comment)
    for id in told.created.union([next]) { #expect(try await service.ended(id)["status"] == "completed", comment) }
    await service.killed()
  }
}

/// A file system in a file: what the file holds is what the disk would.
private final class DiskImage: Sendable {
  private let path: String
  private let mount: MountedFolder

  init(at path: String, mountedAt folder: String) throws {
    self.path = path
    _ = try MountedFolder.image(at: path, megabytes: 256)
    // Nothing is committed to the disk but what is asked for: the file system's own timer would blur the cut.
    mount = try MountedFolder(at: folder, "-o", "loop,commit=300", path)
    try MountedFolder.run(["chmod", "700", folder])
  }

  func copy(to copy: String) async throws {
    let run = try await ShellRun.run("/bin/cp", ["--sparse=always", path, copy])
    guard run.status == 0 else { throw ServiceProcess.NotReady(description: run.errors) }
  }
}
