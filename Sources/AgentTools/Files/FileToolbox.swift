import AgentCore

/// What the file tools share: digests, names for unfinished files, and threads that may block.
package struct FileToolbox: Sendable {
  let digester: any Digester
  let quota: WorkspaceQuota
  let reserve: DiskReserve?
  private let names = TemporaryNames()
  private let work: BlockingWork

  /// `quota`: of each workspace, given folders too. `reserve`: nil takes the disk to its end.
  package init(
    digester: any Digester, quota: WorkspaceQuota = WorkspaceQuota(), reserve: DiskReserve? = nil, work: BlockingWork
  ) {
    (self.digester, self.quota, self.reserve, self.work) = (digester, quota, reserve, work)
  }

  /// `file.list`, `file.read`, `file.search`, `file.write` and `file.edit`, over one toolbox.
  package var tools: [any AgentTool] {
    [
      FileListTool(toolbox: self), FileReadTool(toolbox: self), FileSearchTool(toolbox: self),
      FileWriteTool(toolbox: self), FileEditTool(toolbox: self),
    ]
  }

  /// Opens the task's workspace on a thread that may block and runs `body` there.
  ///
  /// Throws what `body` throws; `cancelled` at once when the caller is cancelled before `body` committed.
  func run<Value: Sendable>(
    in context: ToolContext,
    _ body: @escaping @Sendable (borrowing WorkspaceFolder, WorkTicket) throws(WorkspaceError) -> Value
  ) async throws(ToolError) -> Value {
    do throws(WorkspaceError) {
      return try await work.run(cancelled: .cancelled, busy: .busy) { (ticket) throws(WorkspaceError) in
        let folder = try WorkspaceFolder(at: context.workspace)
        return try body(folder, ticket)
      }
    } catch {
      throw error.toolError
    }
  }

  func temporaryName(in context: ToolContext) -> [UInt8] { names.next(task: context.task, step: context.step) }
}

extension WorkspacePath {
  /// The same check with a tool's error.
  init(argument text: String, isFolder: Bool = false) throws(ToolError) {
    do throws(WorkspaceError) {
      try self.init(text, isFolder: isFolder)
    } catch {
      throw error.toolError
    }
  }
}
