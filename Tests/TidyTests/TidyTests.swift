import Foundation
import Testing

/// The rules of docs/STYLE.md that a machine can hold.
@Suite struct TidyTests {
  let sources: [SourceTree.File]
  let tests: [SourceTree.File]

  init() throws {
    sources = try SourceTree.swiftFiles(in: "Sources")
    // This target spells out what it forbids.
    tests = try SourceTree.swiftFiles(in: "Tests").filter { $0.target != "TidyTests" }
  }

  @Test("a file has at most 500 lines")
  func fileLength() {
    #expect(sources.count > 100)
    let long = (sources + tests).filter { $0.lines.count > 500 }.map { "\($0.path): \($0.lines.count)" }
    #expect(long == [])
  }

  @Test("no file is named after nothing in particular")
  func fileNames() {
    let forbidden: Set = ["Utils", "Helpers", "Common", "Manager", "Misc", "Base", "Data", "Info"]
    let names = (sources + tests).filter { forbidden.contains($0.name.replacing(".swift", with: "")) }.map(\.path)
    #expect(names == [])
  }

  @Test(
    "a library stands behind its one target",
    arguments: [
      ("GRDB", ["AgentPersistence"]), ("GRDBSQLite", ["AgentPersistence"]), ("CCurl", ["HTTPTransport"]),
      ("CSodium", ["Vault"]), ("Hummingbird", ["AgentAPI"]), ("HummingbirdCore", ["AgentAPI"]),
      ("Yams", ["AgentConfig"]), ("ArgumentParser", ["AgentSystem"]),
    ])
  func imports(library: String, targets: [String]) {
    let found = SourceTree.offences(in: sources.filter { !targets.contains($0.target) }) { line, _ in
      line.mentions(library)
        && line.firstMatch(of: /^\s*(?:@testable |private |package )?import (\w+)/).map { $0.1 == library } ?? false
    }
    #expect(found == [])
  }

  @Test("the domain imports no other target of ours, and the engine only the domain")
  func layers() {
    let allowed = ["AgentCore": [], "AgentRuntime": ["AgentCore"], "AgentConfig": ["AgentCore"]]
    let ours = Set(sources.map(\.target))
    for (target, below) in allowed {
      let found = SourceTree.offences(in: sources.filter { $0.target == target }) { line, _ in
        guard line.mentions("import "), let name = line.firstMatch(of: /^\s*import (\w+)/)?.1 else { return false }
        return ours.contains(String(name)) && !below.contains(String(name))
      }
      #expect(found == [])
    }
  }

  @Test("no source forces, traps on a reachable condition, or leaves a note for later")
  func forbiddenWords() {
    let found = SourceTree.offences(in: sources) { line, _ in
      line.mentions("try!", "as!", "fatalError(") && line.code.contains(/\btry!|\bas!|\bfatalError\(/)
        || line.mentions("TODO", "FIXME", "XXX") && line.contains(/\/\/.*\b(TODO|FIXME|XXX)\b/)
    }
    #expect(found == [])
  }

  @Test("an ignored error says why")
  func ignoredErrors() {
    let found = SourceTree.offences(in: sources) { line, before in
      line.mentions("try?") && line.code.contains(/\btry\?/) && !line.contains("//") && !before.contains("//")
    }
    #expect(found == [])
  }

  @Test("an unchecked promise says what keeps it")
  func uncheckedSendable() {
    let found = SourceTree.offences(in: sources) { line, before in
      line.mentions("@unchecked", "(unsafe)")
        && line.code.contains(/@unchecked Sendable|nonisolated\(unsafe\)/) && !before.contains("//")
    }
    #expect(found == [])
  }

  @Test("no test sleeps")
  func sleeps() {
    let found = SourceTree.offences(in: tests) { line, _ in
      line.mentions("sleep") && line.code.contains(/Task\.sleep|\busleep\(|\bsleep\(\d|Thread\.sleep/)
    }
    #expect(found == [])
  }

  @Test("nothing is public, and nothing names how the work is organised")
  func words() {
    let found = SourceTree.offences(in: sources) { line, _ in
      line.mentions("public") && line.code.contains(/\bpublic\b/)
    }
    #expect(found == [])
    let alone = SourceTree.offences(in: sources + tests) { line, _ in
      line.mentions("../", "/work/") && line.contains(/\.\.\/shared|\/work\/[a-z]/)
    }
    #expect(alone == [])
  }

  @Test("SQL stands in one target alone")
  func statements() {
    let found = SourceTree.offences(in: sources.filter { $0.target != "AgentPersistence" }) { line, _ in
      line.mentions("SELECT", "INSERT", "UPDATE", "DELETE", "PRAGMA")
        && line.contains(/"\s*(SELECT\s.+\sFROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|PRAGMA )/)
    }
    #expect(found == [])
  }

  @Test("the top level holds what the layout names and no more")
  func topLevel() throws {
    let allowed: Set = [
      "Package.swift", "Sources", "Tests", "packaging", "etc", "README.md", "docs", "Benchmarks", "Makefile",
      "CHANGELOG.md", "LICENSE", "Package.resolved", "dist",
    ]
    let found = try FileManager.default.contentsOfDirectory(atPath: SourceTree.root.path)
      .filter { !$0.hasPrefix(".") && !allowed.contains($0) }
    #expect(found == [])
  }
}
