import AgentCore

/// `file.read {path, from_line?, to_line?}`: a text file's lines, counted from 1, both ends included.
///
/// A whole file comes as it is. A part, or what the bound of 256 KiB cut, ends in a line in brackets that says so.
package struct FileReadTool: AgentTool {
  package var effects: [EffectClass] { [.pure] }
  private let toolbox: FileToolbox
  package init(toolbox: FileToolbox) { self.toolbox = toolbox }

  package let descriptor = ToolDescriptor(
    name: "file.read",
    description: "Reads a text file of the workspace (UTF-8, up to 16 MiB), whole or a range of lines. A part ends in "
      + "a line like `[lines 3-10 of 120]`; what is longer than 256 KiB is cut, and that line says how to go on.",
    parameters: ToolArguments.schema(
      [
        "path": ToolArguments.member("string", "The file, relative to the workspace."),
        "from_line": ["type": "integer", "minimum": 1, "description": "The first line, counted from 1."],
        "to_line": ["type": "integer", "minimum": 1, "description": "The last line, included."],
      ], required: ["path"]))

  private struct Request {
    var path: WorkspacePath
    var from: Int?
    var to: Int?

    init(_ arguments: JSONValue) throws(ToolError) {
      let arguments = try ToolArguments(arguments, names: ["path", "from_line", "to_line"])
      path = try WorkspacePath(argument: try arguments.string("path"))
      from = try arguments.optionalPositive("from_line")
      to = try arguments.optionalPositive("to_line")
      if let to, to < from ?? 1 { throw ToolArguments.invalid("`to_line` is before `from_line`") }
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
      let bytes = context.filter.filtered(try folder.read(request.path, ticket: ticket))
      try bytes.requireText(request.path)
      return ToolOutcome(text: FileExcerpt(bytes).text(from: request.from, to: request.to))
    }
  }
}
