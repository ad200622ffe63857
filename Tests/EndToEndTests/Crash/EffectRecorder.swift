import AgentCore
import AgentTestKit
import Foundation

/// The recorder process, and what it has written so far: the effects that `http.request` had outside the product.
final class EffectRecorder: Sendable {
  struct Effect: Hashable, Sendable {
    var method: String
    var path: String
    var body: String
    var key: String
  }

  struct NotStarted: Error {}

  let port: Int
  private let file: String
  private let process: ChildProcess

  init(in folder: TemporaryFolder) throws {
    file = folder.appending("effects.jsonl")
    process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let program = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("recorder.py")
    process.arguments = ["python3", program.path, file]
    let output = Pipe()
    (process.standardOutput, process.standardInput) = (output, Pipe())
    try process.run()
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    guard let number = Int(line.split(separator: "\n").first ?? "") else { throw NotStarted() }
    port = number
  }

  deinit {
    kill(process.processIdentifier, SIGKILL)
  }

  /// All so far, in the order of arrival.
  func effects() throws -> [Effect] {
    guard let bytes = FileManager.default.contents(atPath: file) else { return [] }
    return try bytes.split(separator: UInt8(ascii: "\n")).map { line in
      let json = try JSONValue(parsing: Array(line))
      func text(_ name: String) -> String { json[name]?.stringValue ?? "" }
      return Effect(method: text("method"), path: text("path"), body: text("body"), key: text("key"))
    }
  }
}
