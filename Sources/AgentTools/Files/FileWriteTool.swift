import AgentCore

/// `file.write {path, text}`: makes or replaces a whole file, with the folders above it.
///
/// Idempotent: the plan notes the digests before and after; a reader sees the old file or the new one, never a part.
package struct FileWriteTool: AgentTool {
  package var effects: [EffectClass] { [.idempotent] }
  private static let verb = "wrote"
  private let toolbox: FileToolbox
  package init(toolbox: FileToolbox) { self.toolbox = toolbox }

  package let descriptor = ToolDescriptor(
    name: "file.write",
    description: "Writes a file of the workspace: makes it, with the folders above it, or replaces it whole.",
    parameters: ToolArguments.schema(
      [
        "path": ToolArguments.member("string", "The file, relative to the workspace."),
        "text": ToolArguments.member("string", "All that the file is to hold, at most 16 MiB."),
      ], required: ["path", "text"]))

  private struct Request {
    var path: WorkspacePath
    var bytes: [UInt8]

    init(_ arguments: JSONValue) throws(ToolError) {
      let arguments = try ToolArguments(arguments, names: ["path", "text"])
      path = try WorkspacePath(argument: try arguments.string("path"))
      bytes = Array(try arguments.string("text").utf8)
      guard bytes.count <= WorkspaceLimits.fileBytes else {
        throw WorkspaceError(.fileTooLarge, "\(path.text): over \(WorkspaceLimits.fileBytes) bytes").toolError
      }
    }
  }

  package func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan {
    let request = try Request(arguments)
    let (digester, quota) = (toolbox.digester, toolbox.quota)
    return try await toolbox.run(in: context) { (folder, ticket) throws(WorkspaceError) in
      let before = try folder.existing(request.path, ticket: ticket)
      try quota.requireRoom(in: folder, for: request.bytes.count, replacing: before?.bytes.count, ticket: ticket)
      let change = FileChange(
        path: request.path, before: before.map { digester.digest($0.bytes) }, after: digester.digest(request.bytes))
      return ToolPlan(effect: .idempotent, evidence: change.evidence)
    }
  }

  package func perform(
    _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
  ) async throws(ToolError) -> ToolOutcome {
    let request = try Request(arguments)
    return try await toolbox.perform(plan, path: request.path, verb: Self.verb, in: context) { _ in request.bytes }
  }

  package func recall(_ arguments: JSONValue, plan: ToolPlan, in context: ToolContext) async -> ToolRecall {
    await toolbox.recall(arguments, plan, verb: Self.verb, in: context)
  }
}
