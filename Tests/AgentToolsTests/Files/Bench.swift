import AgentCore
import AgentTestKit
import Foundation
import Testing

@testable import AgentTools

/// A real workspace on disk, with a folder beside it that nothing may reach.
struct Bench {
  static let secret = "the secret outside"
  let folder: TemporaryFolder
  let registry: ToolRegistry
  let context: ToolContext

  init(quota: WorkspaceQuota = WorkspaceQuota()) throws {
    folder = try TemporaryFolder("files")
    for name in ["workspace", "outside"] {
      try FileManager.default.createDirectory(atPath: folder.appending(name), withIntermediateDirectories: false)
    }
    registry = ToolRegistry(
      tools: FileToolbox(digester: FixedDigester(), quota: quota, work: BlockingWork(width: 4)).tools)
    context = ToolContext(
      task: TaskID(number: 17), step: 3, workspace: folder.appending("workspace"), idempotencyKey: "key",
      allowHosts: [])
    try Data(Self.secret.utf8).write(to: URL(fileURLWithPath: outside("secret.txt")))
  }

  func inside(_ path: String) -> String { context.workspace + "/" + path }
  func outside(_ path: String) -> String { folder.appending("outside/" + path) }

  func put(_ path: String, _ text: String) throws { try put(path, Array(text.utf8)) }

  func put(_ path: String, _ bytes: [UInt8]) throws {
    let url = URL(fileURLWithPath: inside(path))
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  func makeFolder(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: inside(path), withIntermediateDirectories: true)
  }

  /// The file's bytes as text; nil where there is none.
  func text(_ path: String) -> String? {
    FileManager.default.contents(atPath: inside(path)).map { String(decoding: $0, as: UTF8.self) }
  }

  func names(_ path: String = ".") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: inside(path)).sorted()
  }

  func tool(_ name: String) throws -> any AgentTool { try #require(registry.tool(named: name)) }

  /// Plans and does a call, as a worker would.
  @discardableResult
  func call(_ name: String, _ arguments: JSONValue) async throws -> ToolOutcome {
    let tool = try tool(name)
    let plan = try await tool.plan(arguments, in: context)
    return try await tool.perform(arguments, plan: plan, in: context)
  }

  /// The code a call is refused with; nil when it does its work.
  func code(_ name: String, _ arguments: JSONValue) async throws -> String? {
    do {
      try await call(name, arguments)
      return nil
    } catch let error as ToolError {
      return error.code
    }
  }
}

/// Told by one thread, waited for by another, with a limit.
final class ThreadSignal: Sendable {
  private static let limitSeconds = 20.0
  private let semaphore = DispatchSemaphore(value: 0)

  func send() { semaphore.signal() }

  /// Blocks: for threads that may. False when the limit passed.
  func wait() -> Bool { semaphore.wait(timeout: .now() + Self.limitSeconds) == .success }

  /// The same for tests, which must leave the cooperative pool's threads free.
  func arrives() async -> Bool {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: self.wait()) }
    }
  }
}
