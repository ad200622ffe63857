import AgentCore
import AgentRuntime
import Hummingbird

/// The verbs on the service itself.
struct SystemRoutes: Sendable {
  /// A hundred years.
  private static let days = 0...36_500

  let services: APIServices

  /// Empties every cache: `{"dropped":{"answers":1}}`.
  func clearCache(_ call: APICall) async throws -> Response {
    .json(["dropped": .object(services.caches.mapValues { JSONValue($0()) })])
  }

  /// Deletes finished tasks older than `days`: `{"deleted_tasks":12,"days":30,"dry_run":false}`.
  func cleanUp(_ call: APICall) async throws -> Response {
    guard let days = try call.query.integer("days", in: Self.days) else {
      throw QueryReader.refused("days", "is required: tasks that ended more days ago than this are deleted")
    }
    let report = try await services.maintenance.cleanup(days: days, isDryRun: try call.query.flag("dry_run"))
    return .json([
      "deleted_tasks": .integer(report.deletedTasks), "days": JSONValue(days), "dry_run": .bool(report.isDryRun),
    ])
  }
}
