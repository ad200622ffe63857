import AgentCore
import ArgumentParser

struct CleanupCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "cleanup", abstract: "Delete finished tasks that are older than so many days.")

  @Option(help: "0 to 36500; 0 takes every finished task.")
  var days: Int
  @Flag(help: "Only count what would be deleted.")
  var dryRun = false
  @OptionGroup var client: ClientOptions

  private static let allowedDays = 0...36_500

  func validate() throws {
    if !Self.allowedDays.contains(days) { throw ValidationError("--days is 0 to 36500.") }
  }

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    var query = [(name: "days", value: String(days))]
    if dryRun { query.append(("dry_run", "true")) }
    let json = try await session.api.call(APIRequest(.post, "/api/maintenance/cleanup", query: query)).json
    if try !session.showJSON(json) { try session.console.show(MemberPage.members(of: json, session.console.paint)) }
    return .done
  }
}
