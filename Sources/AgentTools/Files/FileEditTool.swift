import AgentCore

/// `file.edit {path, old, new}`: replaces the one place of a text file where `old` stands.
///
/// Idempotent: the plan notes the digests before and after. `old` must occur exactly once, overlaps counted.
package struct FileEditTool: AgentTool {
  package var effects: [EffectClass] { [.idempotent] }
  private static let verb = "edited"
  private let toolbox: FileToolbox
  package init(toolbox: FileToolbox) { self.toolbox = toolbox }

  package let descriptor = ToolDescriptor(
    name: "file.edit",
    description: "Replaces a passage of a text file of the workspace. `old` must occur exactly once in the file, so "
      + "quote as much around it as makes it unique, with its spaces and line breaks.",
    parameters: ToolArguments.schema(
      [
        "path": ToolArguments.member("string", "The file, relative to the workspace."),
        "old": ToolArguments.member("string", "The passage as it stands in the file."),
        "new": ToolArguments.member("string", "What is to stand there instead; may be empty."),
      ], required: ["path", "old", "new"]))

  private struct Request {
    var path: WorkspacePath
    var old: [UInt8]
    var new: [UInt8]

    init(_ arguments: JSONValue) throws(ToolError) {
      let arguments = try ToolArguments(arguments, names: ["path", "old", "new"])
      path = try WorkspacePath(argument: try arguments.string("path"))
      old = Array(try arguments.string("old").utf8)
      new = Array(try arguments.string("new").utf8)
      guard !old.isEmpty else { throw ToolArguments.invalid("`old` is empty") }
      guard old != new else { throw ToolArguments.invalid("`old` and `new` are the same") }
    }

    /// The file's new bytes. Throws `file_not_found`, `file_not_text`, `edit_no_match`, `edit_ambiguous`,
    /// `file_too_large`.
    func applied(to file: FileSnapshot?) throws(WorkspaceError) -> [UInt8] {
      guard let bytes = file?.bytes else {
        throw WorkspaceError(.fileNotFound, "\(path.text): there is no such file or folder")
      }
      try bytes.requireText(path)
      guard let place = bytes.firstOccurrence(of: old, from: 0) else {
        throw WorkspaceError(.editNoMatch, "\(path.text): `old` does not occur in the file")
      }
      guard bytes.firstOccurrence(of: old, from: place + 1) == nil else {
        throw WorkspaceError(.editAmbiguous, "\(path.text): `old` occurs more than once in the file")
      }
      guard bytes.count - old.count + new.count <= WorkspaceLimits.fileBytes else {
        throw WorkspaceError(.fileTooLarge, "\(path.text): over \(WorkspaceLimits.fileBytes) bytes")
      }
      return Array(bytes[..<place]) + new + bytes[(place + old.count)...]
    }
  }

  package func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan {
    let request = try Request(arguments)
    let (digester, quota) = (toolbox.digester, toolbox.quota)
    return try await toolbox.run(in: context) { (folder, ticket) throws(WorkspaceError) in
      let before = try folder.existing(request.path, ticket: ticket)
      let after = try request.applied(to: before)
      try quota.requireRoom(in: folder, for: after.count, replacing: before?.bytes.count, ticket: ticket)
      let change = FileChange(
        path: request.path, before: before.map { digester.digest($0.bytes) }, after: digester.digest(after))
      return ToolPlan(effect: .idempotent, evidence: change.evidence)
    }
  }

  package func perform(
    _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
  ) async throws(ToolError) -> ToolOutcome {
    let request = try Request(arguments)
    return try await toolbox.perform(plan, path: request.path, verb: Self.verb, in: context) {
      (file) throws(WorkspaceError) in try request.applied(to: file)
    }
  }

  package func recall(_ arguments: JSONValue, plan: ToolPlan, in context: ToolContext) async -> ToolRecall {
    await toolbox.recall(arguments, plan, verb: Self.verb, in: context)
  }
}
