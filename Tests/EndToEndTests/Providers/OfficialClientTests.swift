import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The double is held to the truth before anything is held against it.
@Suite struct OfficialClientTests {
  @Test("the official OpenAI and Anthropic clients take what the provider double says, alone with it")
  func officialClients() async throws {
    let folder = try TemporaryFolder("clients")
    let python = try TestRig.python("clients")
    let run = try await ShellRun.run(python, [ProviderDouble.program("clients.py"), folder.appending("run")])
    #expect(run.status == 0, "\(run.output)\(run.errors)")
    // A run that checked nothing is no proof.
    let checks = run.output.split(separator: "\n").count { $0.hasPrefix("ok ") }
    #expect(checks >= 21, "\(run.output)")
  }
}

/// Python environments that `packaging/scripts/test-rigs` makes.
enum TestRig {
  struct Missing: Error, CustomStringConvertible {
    var description: String
  }

  static let folder = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../.build/test-rigs")
    .standardized.path

  static func python(_ name: String) throws -> String {
    let path = "\(folder)/\(name)/bin/python"
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw Missing(description: "there is no \(path): run packaging/scripts/test-rigs (make test does)")
    }
    return path
  }
}
