import AgentConfig
import AgentCore
import AgentTestKit
import Foundation
import LLMProviders
import Synchronization
import Testing

/// A folder with files, the five file tools over it, and the loop that an agent is: ask, do what is asked, ask again.
final class Workshop: Sendable {
  struct Conversation {
    var replies: [ModelReply] = []
    var calls: [ToolCall] = []
    /// By path, what `file.read` gave.
    var read: [String: String] = [:]
    var answer: String { replies.last?.text ?? "" }
    func called(_ tool: String) -> [ToolCall] { calls.filter { $0.name == tool } }
  }

  static let fileTools = ["file.list", "file.read", "file.search", "file.write", "file.edit"]
  /// More model calls than the provider may ever need.
  static let patience = 12

  let folder: TemporaryFolder
  /// Answers instead of a tool, by its name: for tools that fail.
  private let broken: [String: String]

  init(_ files: [String: String] = [:], broken: [String: String] = [:]) throws {
    folder = try TemporaryFolder("sandbox")
    self.broken = broken
    for (path, text) in files { try write(path, text) }
  }

  func write(_ path: String, _ text: String) throws {
    let full = folder.appending(path)
    try FileManager.default.createDirectory(
      atPath: (full as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: full))
  }

  func text(of path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: folder.appending(path))), as: UTF8.self)
  }

  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: folder.appending(path)) }

  /// Asks until the provider answers without calls.
  func ask(
    _ prompt: String, agent: AgentID = "coder", tools: [String] = fileTools,
    provider: SandboxProvider = SandboxProvider(id: "sandbox", clock: ManualClock()), maxOutputTokens: Int = 4096
  ) async throws -> Conversation {
    var conversation = Conversation()
    var messages: [ChatMessage] = [.system("You work on files."), .user(prompt)]
    for turn in 1...Self.patience {
      let reply = try await provider.complete(
        request(messages, agent: agent, tools: tools, turn: turn, maxOutputTokens: maxOutputTokens)
      ) { _ in }
      conversation.replies.append(reply)
      messages.append(.assistant(text: reply.text, calls: reply.calls))
      if reply.calls.isEmpty { return conversation }
      for call in reply.calls {
        conversation.calls.append(call)
        #expect(tools.contains(call.name), "\(call.name) was not offered")
        do {
          let text = try perform(call)
          if call.name == "file.read", let path = call.arguments["path"]?.stringValue { conversation.read[path] = text }
          messages.append(.toolResult(callID: call.id, name: call.name, text: text, isError: false))
        } catch {
          messages.append(
            .toolResult(callID: call.id, name: call.name, text: "\(error.code): \(error.detail)", isError: true))
        }
      }
    }
    Issue.record("no answer after \(Self.patience) model calls: \(conversation.calls.map(\.name))")
    return conversation
  }

  func request(
    _ messages: [ChatMessage], agent: AgentID = "coder", tools: [String] = fileTools, turn: Int = 1,
    maxOutputTokens: Int = 4096
  ) -> ModelRequest {
    ModelRequest(
      model: nil, messages: messages,
      tools: tools.map { ToolDescriptor(name: $0, description: $0, parameters: ["type": "object"]) },
      maxOutputTokens: maxOutputTokens, task: TaskID(number: 7), agent: agent, turn: turn)
  }

  // MARK: tools

  private func perform(_ call: ToolCall) throws(ToolError) -> String {
    if let error = broken[call.name] { throw ToolError("tool_failed", error) }
    let path = call.arguments["path"]?.stringValue ?? "."
    guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
      throw ToolError("path_outside_workspace", path)
    }
    switch call.name {
    case "file.list": return try list(path)
    case "file.read": return try load(path)
    case "file.search": return try search(call.arguments["pattern"]?.stringValue ?? "", path)
    case "file.write": return try store(path, call.arguments["text"]?.stringValue)
    case "file.edit": return try edit(path, call.arguments["old"]?.stringValue, call.arguments["new"]?.stringValue)
    default: throw ToolError("tool_unknown", call.name)
    }
  }

  private func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: folder.appending(path), isDirectory: &isFolder) && isFolder.boolValue
  }

  private func list(_ path: String) throws(ToolError) -> String {
    guard isFolder(path) else { throw ToolError("not_found", "no folder \(path)") }
    do {
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.appending(path)).sorted()
      guard !names.isEmpty else { return "[the folder is empty]" }
      return try names.map { name in
        if isFolder(path + "/" + name) { return name + "/" }
        let size = try FileManager.default.attributesOfItem(atPath: folder.appending(path + "/" + name))[.size] as? Int
        return "\(name) (\(size ?? 0) bytes)"
      }.joined(separator: "\n")
    } catch { throw ToolError("tool_failed", "\(error)") }
  }

  private func load(_ path: String) throws(ToolError) -> String {
    guard exists(path) else { throw ToolError("not_found", "no file \(path)") }
    guard !isFolder(path) else { throw ToolError("not_regular_file", "\(path) is a directory") }
    do { return try text(of: path) } catch { throw ToolError("tool_failed", "\(error)") }
  }

  private func search(_ pattern: String, _ path: String) throws(ToolError) -> String {
    guard isFolder(path) else { throw ToolError("not_found", "no folder \(path)") }
    let names = (FileManager.default.enumerator(atPath: folder.appending(path))?.allObjects as? [String] ?? []).sorted()
    var found: [String] = []
    for name in names {
      let full = path == "." ? name : path + "/" + name
      guard !isFolder(full) else { continue }
      for (index, line) in try load(full).split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      where line.contains(pattern) {
        found.append("\(full):\(index + 1): \(line)")
      }
    }
    return found.isEmpty ? "[no line contains it; files searched: \(names.count)]" : found.joined(separator: "\n")
  }

  private func store(_ path: String, _ text: String?) throws(ToolError) -> String {
    guard let text else { throw ToolError("tool_arguments_invalid", "text is missing") }
    do { try write(path, text) } catch { throw ToolError("tool_failed", "\(error)") }
    return "wrote \(text.utf8.count) bytes to \(path)"
  }

  private func edit(_ path: String, _ old: String?, _ new: String?) throws(ToolError) -> String {
    guard let old, let new, !old.isEmpty else { throw ToolError("tool_arguments_invalid", "old or new is missing") }
    let text = try load(path)
    let places = text.ranges(of: old)
    guard places.count == 1 else { throw ToolError("edit_ambiguous", "old stands \(places.count) times in \(path)") }
    return try store(path, text.replacing(old, with: new))
  }
}
