import AgentCore
import AgentRuntime
import HTTPTypes
import Hummingbird

/// A task's workspace, read only.
struct FileRoutes: Sendable {
  let services: APIServices

  /// One page: a walk has no place to go on from. What it leaves out it owns up to: `"truncated":true`. A path that says
  /// what the task holds sealed is shown without it; who knows the path gets the file.
  func list(_ call: APICall) async throws -> Response {
    let id = try call.taskID()
    let folder = try await services.tasks.workspace(of: id)
    let (files, isCut) = try await services.workspaces.files(in: folder)
    let filter = try await services.tasks.filter(of: id)
    var members: [String: JSONValue] = [
      "data": .array(
        files.map { file in
          guard case .object(var members) = TaskBody.json(file) else { return .null }
          members["path"] = members["path"].map { filter.filtered($0) }
          return .object(members)
        }), "next_cursor": .null,
    ]
    if isCut { members["truncated"] = true }
    return .json(.object(members))
  }

  /// The bytes, never as a type that a browser would run.
  func read(_ call: APICall) async throws -> Response {
    let folder = try await services.tasks.workspace(of: try call.taskID())
    let bytes = try await services.workspaces.read(call.parameters["path"] ?? "", in: folder)
    return Response(
      status: .ok, headers: [.contentType: "application/octet-stream", .contentDisposition: "attachment"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// A tar stream. One that fails on the way ends without its last chunk, so that nobody takes it for whole.
  func archive(_ call: APICall) async throws -> Response {
    let id = try call.taskID()
    let folder = try await services.tasks.workspace(of: id)
    let workspaces = services.workspaces
    let body = ResponseBody { writer in
      // Pieces change hands one at a time: the archive is read no faster than the client takes it.
      let (pieces, source) = RequestBody.makeStream()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          do {
            try await workspaces.archive(folder) { piece in
              try Task.checkCancellation()
              await source.yield(ByteBuffer(bytes: piece))
            }
            source.finish()
          } catch {
            source.finish(error)
          }
        }
        for try await piece in pieces { try await writer.write(piece) }
        try Task.checkCancellation()
        group.cancelAll()
      }
      try await writer.finish(nil)
    }
    return Response(
      status: .ok,
      headers: [.contentType: "application/x-tar", .contentDisposition: "attachment; filename=\"\(id).tar\""],
      body: body)
  }
}
