import AgentCore
import AgentRuntime
import AgentTestKit
import Testing

/// A workspace stands before its task's row and goes after it.
@Suite("Workspaces and rows", .timeLimit(.minutes(4))) struct WorkspaceLifeTests {
  private static func rig(in folder: TemporaryFolder) async throws -> EngineRig {
    try await EngineRig(in: folder, agents: [EngineTests.agent()], script: .turns([.text("ok")]))
  }

  @Test("a start removes each workspace without a task row, and no other")
  func orphans() async throws {
    let rig = try await Self.rig(in: TemporaryFolder())
    let kept = try await rig.submit("coder")
    let orphans = [TaskID(number: 500), TaskID(number: 501)]
    try await rig.workspaces.create(for: orphans[0], files: [WorkspaceUpload(path: "a/b", bytes: [1])])
    try await rig.workspaces.createEmpty(for: [orphans[1]])
    try await OrphanWorkspaces.remove(from: rig.workspaces, store: rig.store)
    #expect(try await rig.workspaces.existing() == [kept])
    await rig.file.close()
  }

  enum Deletion: CaseIterable { case purge, cleanup }

  @Test(
    "deletion takes the rows first: a folder that stays is an orphan for the next start", arguments: Deletion.allCases)
  func rowsFirst(deletion: Deletion) async throws {
    let rig = try await Self.rig(in: TemporaryFolder())
    let stuck = StuckWorkspaces(rig.workspaces)
    let id = try await rig.submit("coder")
    _ = try await rig.tasks.cancel(id, by: .local)
    try await Self.delete(id, deletion, rig, stuck)
    #expect(try await rig.store.task(id) == nil)
    #expect(try await rig.workspaces.existing() == [id])
    try await OrphanWorkspaces.remove(from: rig.workspaces, store: rig.store)
    #expect(try await rig.workspaces.existing().isEmpty)
    await rig.file.close()
  }

  @Test("a deletion whose commit fails leaves the folder to the row", arguments: Deletion.allCases)
  func failedCommit(deletion: Deletion) async throws {
    let folder = try TemporaryFolder()
    let rig = try await Self.rig(in: folder)
    let id = try await rig.submit("coder")
    _ = try await rig.tasks.cancel(id, by: .local)
    rig.commitFault.set(CommitFault.ioError)
    await #expect(throws: ServiceError.self) { try await Self.delete(id, deletion, rig, rig.workspaces) }
    rig.commitFault.set(0)
    #expect(try await rig.workspaces.existing() == [id])
    await rig.file.close()
    let next = try await Self.rig(in: folder)
    try await OrphanWorkspaces.remove(from: next.workspaces, store: next.store)
    #expect(try await next.store.task(id) != nil)
    #expect(try await next.workspaces.existing() == [id])
    await next.file.close()
  }

  private static func delete(
    _ id: TaskID, _ deletion: Deletion, _ rig: EngineRig, _ workspaces: any WorkspaceStore
  ) async throws {
    switch deletion {
    case .purge:
      let tasks = TaskService(
        store: rig.store, workspaces: workspaces, agents: rig.directory, events: rig.events, engine: rig.engine,
        clock: rig.clock, digester: FixedDigester())
      try await tasks.purge(id, by: .local)
    case .cleanup:
      let maintenance = Maintenance(store: rig.store, workspaces: workspaces, clock: rig.clock)
      _ = try await maintenance.cleanup(days: 0, isDryRun: false)
    }
  }
}

/// Workspaces that cannot be removed.
private struct StuckWorkspaces: WorkspaceStore {
  let workspaces: any WorkspaceStore
  init(_ workspaces: any WorkspaceStore) { self.workspaces = workspaces }

  func remove(_ task: TaskID) async throws(Failure) { throw Failure(code: "io_error", detail: "it is stuck") }
  func create(for task: TaskID, files: [WorkspaceUpload]) async throws(Failure) {
    try await workspaces.create(for: task, files: files)
  }
  func existing() async throws(Failure) -> [TaskID] { try await workspaces.existing() }
  func path(for task: TaskID) -> String { workspaces.path(for: task) }
  func checkedFolder(_ folder: String) async throws(Failure) -> String { try await workspaces.checkedFolder(folder) }
  func files(in workspace: String) async throws(Failure) -> (files: [TaskOutput.File], isCut: Bool) {
    try await workspaces.files(in: workspace)
  }
  func read(_ path: String, in workspace: String) async throws(Failure) -> [UInt8] {
    try await workspaces.read(path, in: workspace)
  }
  func keepImage(_ bytes: [UInt8], digest: String, of task: TaskID) async throws(Failure) {
    try await workspaces.keepImage(bytes, digest: digest, of: task)
  }
  func image(_ digest: String, of task: TaskID) async throws(Failure) -> [UInt8] {
    try await workspaces.image(digest, of: task)
  }
  func archive(_ workspace: String, write: @escaping @Sendable ([UInt8]) async throws -> Void) async throws {
    try await workspaces.archive(workspace, write: write)
  }
}
