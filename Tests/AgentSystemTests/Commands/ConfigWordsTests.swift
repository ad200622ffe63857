import AgentConfig
import ArgumentParser
import Foundation
import Testing

@testable import AgentSystem

/// Help texts, manual page and documents say the same of the files and of what a reload takes.
@Suite("The words on configuration") struct ConfigWordsTests {
  private static func document(_ path: String) throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return flat(try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8))
  }

  private static func flat(_ text: String) -> String {
    text.replacing("`", with: "").split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  @Test(
    "what a reload takes is said in full",
    arguments: ["README.md", "docs/INSTALL.md", "docs/CONFIGURATION.md", "packaging/man/agent-system.1.in"])
  func reloadInDocuments(path: String) throws {
    #expect(try Self.document(path).contains(ConfigWords.reloadable))
  }

  @Test("the help of serve and of reload says it too, and that of serve names every file, as the README does")
  func help() throws {
    #expect(Self.flat(ServeCommand.helpMessage(columns: 1000)).contains(ConfigWords.reloadable))
    #expect(Self.flat(ReloadCommand.helpMessage(columns: 1000)).contains(ConfigWords.reloadable))
    #expect(Self.flat(ServeCommand.helpMessage(columns: 1000)).contains(ConfigWords.files))
    #expect(try Self.document("README.md").contains(ConfigWords.files))
  }

  @Test("the words are those of the keys that are reloadable")
  func keys() throws {
    let reloadable = try ConfigFolder.builtIn().values.filter(\.isReloadable)
    #expect(
      Set(reloadable.map(\.file)).isSubset(of: Set(ConfigWords.files.matches(of: /[a-z]+\.yaml/).map { "\($0.0)" })))
    #expect(reloadable.filter { $0.file == "server.yaml" }.map(\.key) == ["log.level"])
    let sealing = reloadable.filter { $0.file == "encryption.yaml" }.map(\.key)
    #expect(!sealing.isEmpty && sealing.allSatisfy { $0.contains("sensitive_fields") }, "\(sealing)")
    for (file, word) in [
      ("agents.yaml", "agents"), ("providers.yaml", "providers"), ("permissions.yaml", "permissions"),
    ] {
      #expect(reloadable.contains { $0.file == file } && ConfigWords.reloadable.contains(word))
    }
  }
}
