import AgentCore

/// What a write or an edit is going to do to one file: the evidence in the step's `started` row.
///
/// `{"path":"a/b.txt","before":DIGEST or null where no file stood,"after":DIGEST}`; in the journal the path is without
/// the task's sealed values, so that the call's own says where the file is.
struct FileChange: Sendable, Hashable {
  var path: WorkspacePath
  var before: String?
  var after: String

  init(path: WorkspacePath, before: String?, after: String) {
    (self.path, self.before, self.after) = (path, before, after)
  }

  var evidence: JSONValue {
    ["path": .string(path.text), "before": JSONValue(before), "after": .string(after)]
  }

  /// Reads what `evidence` wrote of a call with that path; nil for anything else. `filter`: what the journal's form went
  /// through, or more.
  init?(evidence: JSONValue?, of path: WorkspacePath, _ filter: SealedFilter) {
    guard let text = evidence?["path"]?.stringValue, let after = evidence?["after"]?.stringValue,
      let before = evidence?["before"], before.isNull || before.stringValue != nil,
      text == path.text || filter.filtered(text) == filter.filtered(path.text)
    else { return nil }
    (self.path, self.before, self.after) = (path, before.stringValue, after)
  }
}

extension FileToolbox {
  /// Makes the change that the plan noted; `content` gives the new bytes from what stands there.
  ///
  /// A file that has the digest `after` already is left alone: that is a repeat. One that has neither digest is
  /// `file_changed`. Throws `workspace_full`, `disk_full`, `io_error`, `cancelled` and what the path gives.
  func perform(
    _ plan: ToolPlan, path: WorkspacePath, verb: String, in context: ToolContext,
    content: @escaping @Sendable (FileSnapshot?) throws(WorkspaceError) -> [UInt8]
  ) async throws(ToolError) -> ToolOutcome {
    guard let change = FileChange(evidence: plan.evidence, of: path, context.filter) else {
      throw ToolError("plan_invalid", "the plan does not belong to this call")
    }
    let temporaryName = temporaryName(in: context)
    let (digester, quota, reserve) = (digester, quota, reserve)
    return try await run(in: context) { (folder, ticket) throws(WorkspaceError) in
      let parent = try folder.openParent(of: path, making: change.before == nil)
      let current = try folder.snapshot(of: path, in: parent, ticket: ticket)
      let digest = current.map { digester.digest($0.bytes) }
      if let current, digest == change.after {
        try folder.synchronizeFolders(above: path)
        return Self.outcome(path, verb, size: current.bytes.count)
      }
      guard digest == change.before else { throw .changed(path) }
      let bytes = try content(current)
      guard digester.digest(bytes) == change.after else { throw .changed(path) }
      try quota.requireRoom(in: folder, for: bytes.count, replacing: current?.bytes.count, ticket: ticket)
      // All of it, whatever it replaces: the old file goes only when the new one is whole.
      try reserve?.requireRoom(for: bytes.count, in: parent, path.text)
      try folder.replace(
        path, in: parent, with: bytes, over: current, temporaryName: temporaryName, ticket: ticket)
      // Folders above it may be new too, made by this call or by one that a crash cut before it synced them.
      if current == nil { try folder.synchronizeFolders(above: path) }
      return Self.outcome(path, verb, size: bytes.count)
    }
  }

  /// What became of a change that a crash cut: the file is as after it, as before it, or neither.
  ///
  /// Removes what an unfinished write of that step left behind.
  func recall(
    _ arguments: JSONValue, _ plan: ToolPlan, verb: String, in context: ToolContext
  ) async -> ToolRecall {
    let path: WorkspacePath
    do throws(ToolError) { path = try WorkspacePath(argument: arguments["path"]?.stringValue ?? "") } catch {
      return .inDoubt(error.detail)
    }
    guard let change = FileChange(evidence: plan.evidence, of: path, context.filter) else {
      return .inDoubt("the plan notes no digests of this file")
    }
    let digester = digester
    do throws(ToolError) {
      return try await run(in: context) { (folder, ticket) throws(WorkspaceError) in
        let current: FileSnapshot?
        do throws(WorkspaceError) {
          let parent = try folder.openParent(of: change.path, making: false)
          // A caller that is gone may have begun the next try, whose file has the same kind of name.
          try ticket.checkCancellation()
          try Self.removeLeftovers(in: parent, of: context, path: change.path)
          current = try folder.snapshot(of: change.path, in: parent, ticket: ticket)
        } catch  where error.code == .fileNotFound {
          // The folder above it was not even made.
          current = nil
        }
        let digest = current.map { digester.digest($0.bytes) }
        if let current, digest == change.after {
          // The rename was seen, but the crash may have come before it was synced.
          try folder.synchronizeFolders(above: change.path)
          return .done(Self.outcome(change.path, verb, size: current.bytes.count))
        }
        if digest == change.before { return .notDone }
        return .inDoubt("\(change.path.text): neither as before the change nor as after it")
      }
    } catch {
      return .inDoubt("\(change.path.text): \(error.code): \(error.detail)")
    }
  }

  private static func outcome(_ path: WorkspacePath, _ verb: String, size: Int) -> ToolOutcome {
    ToolOutcome(
      text: "\(verb) \(path.text) (\(size) bytes)",
      writtenFiles: [TaskOutput.File(path: path.text, size: Int64(size))])
  }

  private static func removeLeftovers(
    in parent: borrowing OwnedDescriptor, of context: ToolContext, path: WorkspacePath
  ) throws(WorkspaceError) {
    var leftovers: [[UInt8]] = []
    try parent.forEachName(path.parentBytes) { name in
      if TemporaryNames.isReserved(name, task: context.task, step: context.step) { leftovers.append(name) }
      return leftovers.count < WorkspaceLimits.listedEntries ? .goOn : .stop
    }
    for name in leftovers { parent.removeName(name) }
  }
}
