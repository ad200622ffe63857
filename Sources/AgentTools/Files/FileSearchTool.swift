import AgentCore

/// `file.search {pattern, path?}`: the lines that hold a plain text, as `path:line: text`, in order of path and line.
///
/// Links, special files, binary ones and those over 16 MiB are passed over, and counted in a last line in brackets.
package struct FileSearchTool: AgentTool {
  package var effects: [EffectClass] { [.pure] }
  private let toolbox: FileToolbox
  package init(toolbox: FileToolbox) { self.toolbox = toolbox }

  package let descriptor = ToolDescriptor(
    name: "file.search",
    description: "Finds the lines that contain a text, in one file or in all files below a folder of the workspace. "
      + "The pattern is plain text, case-sensitive, within one line: not a regular expression. "
      + "Each found line is shown as `path:line: text`.",
    parameters: ToolArguments.schema(
      [
        "pattern": ToolArguments.member("string", "The text to find, as it stands in the line."),
        "path": ToolArguments.member("string", "A file or folder, relative to the workspace; left out: all of it."),
      ], required: ["pattern"]))

  private struct Request {
    var pattern: [UInt8]
    var path: WorkspacePath

    init(_ arguments: JSONValue) throws(ToolError) {
      let arguments = try ToolArguments(arguments, names: ["pattern", "path"])
      pattern = Array(try arguments.string("pattern").utf8)
      guard !pattern.isEmpty else { throw ToolArguments.invalid("`pattern` is empty") }
      guard !pattern.contains(0x0A) else { throw ToolArguments.invalid("`pattern` holds a line break") }
      path = try WorkspacePath(argument: try arguments.optionalString("path") ?? ".", isFolder: true)
    }
  }

  package func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan {
    _ = try Request(arguments)
    return ToolPlan(effect: .pure)
  }

  package func perform(
    _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
  ) async throws(ToolError) -> ToolOutcome {
    let request = try Request(arguments)
    return try await toolbox.run(in: context) { (folder, ticket) throws(WorkspaceError) in
      var search = FileSearch(pattern: request.pattern, filter: context.filter)
      do throws(WorkspaceError) {
        search.note(
          try folder.walk(from: request.path.bytes, ticket: ticket) { (entry) throws(WorkspaceError) in
            try search.look(into: entry, of: folder, ticket: ticket)
          })
      } catch  where error.code == .notAFolder {
        // A file is searched itself; its own errors are the caller's.
        let bytes = try folder.read(request.path, ticket: ticket)
        try bytes.requireText(request.path)
        search.look(into: bytes, path: request.path.text)
      }
      return ToolOutcome(text: search.text)
    }
  }
}
