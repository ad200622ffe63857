import AgentCore

/// `file.list {path}`: what one folder of the workspace holds, a line each, sorted by name.
///
/// `src/` is a folder, `README.md (1234 bytes)` a file, `latest (link)` and `pipe (special)` what no tool opens.
package struct FileListTool: AgentTool {
  package var effects: [EffectClass] { [.pure] }
  private let toolbox: FileToolbox
  package init(toolbox: FileToolbox) { self.toolbox = toolbox }

  package let descriptor = ToolDescriptor(
    name: "file.list",
    description: "Lists one folder of the workspace, one entry a line, sorted. Folders end in `/`, files have their "
      + "size in bytes. It does not look into sub-folders.",
    parameters: ToolArguments.schema(
      ["path": ToolArguments.member("string", "The folder, relative to the workspace; `.` is the workspace itself.")],
      required: ["path"]))

  package func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan {
    _ = try path(arguments)
    return ToolPlan(effect: .pure)
  }

  package func perform(
    _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
  ) async throws(ToolError) -> ToolOutcome {
    let path = try path(arguments)
    let (entries, omitted) = try await toolbox.run(in: context) { (folder, ticket) throws(WorkspaceError) in
      try folder.entries(
        of: path.bytes, limit: WorkspaceLimits.listedEntries, followingLinks: true, ticket: ticket)
    }
    var lines = OutputLines()
    for entry in entries where !TemporaryNames.isReserved(entry.name) { lines.append(Self.line(entry)) }
    if lines.isEmpty { return ToolOutcome(text: "[the folder is empty]") }
    let more = omitted < WorkspaceLimits.countedEntries ? "\(omitted)" : "at least \(omitted)"
    return ToolOutcome(text: lines.text(notes: omitted > 0 ? ["[\(more) more entries are not shown]"] : []))
  }

  private func path(_ arguments: JSONValue) throws(ToolError) -> WorkspacePath {
    try WorkspacePath(argument: try ToolArguments(arguments, names: ["path"]).string("path"), isFolder: true)
  }

  private static func line(_ entry: FolderEntry) -> String {
    let name = TextForDisplay.escaped(entry.name)
    return switch entry.kind {
    case .folder: name + "/"
    case .file: "\(name) (\(entry.size) bytes)"
    case .link: name + " (link)"
    case .other: name + " (special)"
    }
  }
}
