import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Testing

@testable import AgentPersistence

/// Closing any descriptor of `agent.db` drops the process's POSIX locks on it, SQLite's too.
@Suite(.serialized) struct RuleZeroTests {
  /// Our descriptors of the file, ascending.
  private func descriptors(of path: String) throws -> [Int32] {
    let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    return try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { name in
      // The listing's own descriptor is gone by now.
      guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)") else {
        return nil
      }
      return target == real ? Int32(name) : nil
    }.sorted()
  }

  @Test("After thousands of operations only SQLite and the one kept descriptor hold the database open")
  func descriptorsStay() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open { $0.checkpointPages = 20 }
    let atFirst = try descriptors(of: fixture.database)
    #expect(atFirst.contains(store.keptDescriptor))
    for round in 0..<100 {
      // Some commits are made to fail, so that the writer's connection is closed and opened again.
      if round % 10 == 0 { fixture.faults.withLock { $0 = [store.commitNumber + 2: 1034] } }
      await withTaskGroup(of: Void.self) { group in
        for index in 0..<20 {
          group.addTask { _ = await store.outcome(addName("name \(round) \(index)")) }
        }
        group.addTask { _ = try? await store.count("name") }  // What it says is no matter here.
      }
    }
    #expect(fixture.logged("storage_recovered"))
    let atLast = try descriptors(of: fixture.database)
    #expect(atLast.contains(store.keptDescriptor))
    // The kept one, the writer, the pool's own connection, its five readers at most, and those of writers that were
    // closed, which SQLite keeps for as long as it holds locks on the file and takes again for the next one.
    #expect(atLast.count <= 9, "\(atLast)")
    #expect(try descriptors(of: fixture.database + "-shm").count == 1)
    await store.close()
    #expect(try descriptors(of: fixture.database) == [])
  }

  @Test(
    "An outside program that opens and closes the database loses nothing of ours",
    .enabled(if: OutsideProcess.isAvailable, "needs python3 with sqlite3"))
  func outsideVisitor() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    for round in 0..<3 {
      _ = try await store.write(addName("name \(round)"))
      #expect(try OutsideProcess.run(Self.visit, fixture.database) == "\(round + 1)")
    }
    await store.close()
    #expect(try OutsideProcess.run(Self.visit, fixture.database) == "3")
  }

  /// Counts the names, as a curious person's `sqlite3` does.
  private static let visit = """
    import sqlite3, sys
    db = sqlite3.connect(sys.argv[1])
    print(db.execute("SELECT count(*) FROM name").fetchone()[0])
    db.close()
    """

  /// A process that commits with full durability; between two commits it opens and closes the file beside SQLite (or
  /// does not), and another program visits.
  private static let service = """
    import os, sqlite3, subprocess, sys
    path, breaks_the_rule = sys.argv[1], sys.argv[2] == "true"
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE name (text TEXT)")
    db.execute("INSERT INTO name VALUES ('before')")
    if breaks_the_rule:
        os.close(os.open(path, os.O_RDONLY))
    visit = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM name').fetchall()"
    subprocess.run([sys.executable, "-c", visit + "; db.close()", path], check=True)
    db.execute("INSERT INTO name VALUES ('acknowledged')")
    os.kill(os.getpid(), 9)
    """

  @Test(
    "Opening and closing the file beside SQLite loses an acknowledged commit, keeping off it does not",
    .enabled(if: OutsideProcess.isAvailable, "needs python3 with sqlite3"), arguments: [true, false])
  func theLoss(breaksTheRule: Bool) throws {
    let folder = try TemporaryFolder("rule-zero")
    let path = folder.appending("agent.db")
    _ = try OutsideProcess.run(Self.service, path, "\(breaksTheRule)")
    let names = try OutsideProcess.run(
      "import sqlite3, sys; print([row[0] for row in sqlite3.connect(sys.argv[1]).execute('SELECT * FROM name')])", path
    )
    #expect(names == (breaksTheRule ? "['before']" : "['before', 'acknowledged']"))
  }
}
