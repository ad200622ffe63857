import AgentCore
import AgentTestKit
import AgentTools
import Foundation
import Testing

@Suite("Workspaces as routes see them") struct TaskWorkspacesTests {
  @Test("a listing that left something out says so", arguments: [WorkspaceLimits.depth, WorkspaceLimits.depth + 1])
  func cut(depth: Int) async throws {
    let folder = try TemporaryFolder()
    let workspaces = TaskWorkspaces(
      try Workspaces(root: folder.appending("workspaces"), allowedRoots: [], work: BlockingWork()))
    let task = TaskID(number: 1)
    try await workspaces.createEmpty(for: [task])
    let deep = workspaces.path(for: task) + String(repeating: "/d", count: depth)
    try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true)
    try Data("x".utf8).write(to: URL(fileURLWithPath: deep + "/file"))
    let listing = try await workspaces.files(in: workspaces.path(for: task))
    #expect(listing.isCut == (depth > WorkspaceLimits.depth))
    #expect(listing.files.count == (depth > WorkspaceLimits.depth ? 0 : 1))
  }
}
