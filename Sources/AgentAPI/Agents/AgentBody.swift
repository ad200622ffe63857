import AgentCore
import AgentRuntime

/// How agents are written in answers.
enum AgentBody {
  /// The definition, with the state beside it; of an agent that is gone from the files there is the state alone.
  static func json(_ report: AgentReport, isEngineAlive: Bool) -> JSONValue {
    var members = report.isConfigured ? report.definition.json.objectValue ?? [:] : [:]
    members.merge(state(report, isEngineAlive: isEngineAlive)) { _, state in state }
    return .object(members)
  }

  /// `{"status":"running","agents":[…]}`. The word `running` stands in it only while `isRunning`: scripts search for
  /// it. Otherwise an agent that would run is in `error`, and errors are told by their code.
  static func status(_ reports: [AgentReport], isRunning: Bool) -> JSONValue {
    [
      "status": .string(isRunning ? "running" : "stopped"),
      "agents": .array(reports.map { .object(state($0, isEngineAlive: isRunning)) }),
    ]
  }

  private static func state(_ report: AgentReport, isEngineAlive: Bool) -> [String: JSONValue] {
    var status = report.status
    if !isEngineAlive, status == .running { status = .error }
    let error = isEngineAlive ? report.lastError?.json : report.lastError.map { ["code": .string($0.code)] }
    return [
      "name": .string(report.definition.id.name), "status": .string(status.rawValue),
      "active_tasks": .integer(report.activeTasks), "queued_tasks": .integer(report.queuedTasks),
      "last_error": error ?? .null,
    ]
  }
}
