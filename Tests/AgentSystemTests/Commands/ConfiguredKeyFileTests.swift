import AgentCore
import AgentTestKit
import Foundation
import Testing

@testable import AgentSystem

@Suite("keys.master_file for a verb on a stopped service's folder")
struct ConfiguredKeyFileTests {
  /// A configuration folder whose server.yaml has these lines; nil: none.
  private static func folder(_ text: String?) throws -> TemporaryFolder {
    let folder = try TemporaryFolder("config")
    if let text { try Data(text.utf8).write(to: URL(fileURLWithPath: folder.appending("server.yaml"))) }
    return folder
  }

  private static func found(
    _ text: String?, given: Bool, data: String = "/srv/agent", others: [String: String] = [:]
  ) throws -> (file: String?, warnings: [String]) {
    let folder = try folder(text)
    for (name, text) in others { try Data(text.utf8).write(to: URL(fileURLWithPath: folder.appending(name))) }
    var warnings: [String] = []
    let file = try ConfiguredKeyFile.find(
      data: data, config: given ? folder.path : nil, installed: folder.path, environment: [:]
    ) { warnings.append($0) }
    return (file, warnings)
  }

  @Test("keys.master_file counts where the command line names the configuration, or its data folder is this one")
  func keyFile() throws {
    let named = "data: /srv/agent\nkeys: {master_file: /mnt/stick/master.key}\n"
    for given in [true, false] {
      #expect(try Self.found(named, given: given).file == "/mnt/stick/master.key")
      #expect(try Self.found("data: /srv/agent\n", given: given).file == nil)
      #expect(try Self.found(nil, given: given).file == nil)
      // What only the service's own environment has is no matter in another file.
      let others = ["providers.yaml": "providers: {a: {type: openai, api_key: '${NOT_SET_ANYWHERE}'}}\n"]
      let found = try Self.found(named, given: given, others: others)
      #expect(found.file == "/mnt/stick/master.key" && found.warnings.isEmpty)
    }
    #expect(try Self.found(named, given: true, data: "/home/ann/copy").file == "/mnt/stick/master.key")
    #expect(try Self.found(named, given: false, data: "/home/ann/copy").file == nil)
  }

  @Test("a server.yaml that cannot be read is refused where it was named, and told where it was not")
  func unreadable() throws {
    let bad = "keys: {master_fil: /a}\n"
    let found = try Self.found(bad, given: false)
    #expect(found.file == nil && found.warnings.count == 1 && found.warnings[0].contains("master_fil"))
    #expect(throws: ClientError.self) { try Self.found(bad, given: true) }
    #expect(throws: ClientError.self) {
      try ConfiguredKeyFile.find(data: "/srv/agent", config: "/nowhere/at/all", environment: [:]) { _ in }
    }
  }
}
