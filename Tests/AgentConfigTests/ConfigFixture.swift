import AgentConfig
import AgentTestKit
import Foundation
import Testing

/// A configuration folder of a test.
struct ConfigFixture {
  let folder: TemporaryFolder

  init(_ files: [String: String] = [:]) throws {
    folder = try TemporaryFolder("config")
    for (name, text) in files { try write(name, Array(text.utf8)) }
  }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: folder.appending(name)))
  }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: folder.appending(name)) }

  /// A link under that name; what it leads to need not be there.
  func link(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: folder.appending(name), withDestinationPath: target)
  }

  func load(_ environment: [String: String] = [:]) throws(ConfigError) -> LoadedConfiguration {
    try ConfigFolder.load(folder.path, environment: environment)
  }

  /// The issues of a load that must fail, empty where it does not; file names without the folder.
  func issues(_ environment: [String: String] = [:]) -> [ConfigIssue] {
    do {
      _ = try load(environment)
      return []
    } catch {
      return error.issues.map(short)
    }
  }

  /// `server.yaml:3:1 config_invalid`
  func places() -> [String] { issues().map { "\($0.file):\($0.line):\($0.column) \($0.code.rawValue)" } }

  func short(_ issue: ConfigIssue) -> ConfigIssue {
    var issue = issue
    if issue.file.hasPrefix(folder.path + "/") { issue.file.removeFirst(folder.path.count + 1) }
    return issue
  }
}

/// The configuration that is shipped, found from this file's own place.
enum ShippedFiles {
  static func text(_ name: String) throws -> String {
    let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent().resolvingSymlinksInPath()
    let root = here.deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("etc/\(name)"), encoding: .utf8)
  }

  static let names = ["server.yaml", "agents.yaml", "providers.yaml", "permissions.yaml", "encryption.yaml"]

  static func all() throws -> [String: String] {
    var files: [String: String] = [:]
    for name in names { files[name] = try text(name) }
    return files
  }
}

/// One line of a table: a file's text and the issue it must give.
struct Refusal: Sendable, CustomTestStringConvertible {
  var text: String
  var place: String
  var message: String
  init(_ text: String, _ place: String, _ message: String) {
    (self.text, self.place, self.message) = (text, place, message)
  }
  var testDescription: String { "\(place) \(message)" }
}
