import AgentCore
import Foundation
import HTTPTransport

/// The invariants that are asked for over HTTP, of a life that has just become ready.
struct ReadyCheck {
  let service: ServiceProcess
  let store: StoreWitness
  let ledger: CrashLedger.State

  /// `streamAfter`: where the comparison of the stream begins, 0 for all of it.
  func complaints(streamAfter: Int) async throws -> [String] {
    try await database() + disabled() + causes() + workspaces() + stream(after: streamAfter)
  }

  private func database() async throws -> [String] {
    let answer = try await service.send("GET", "/health/db")
    let isWell = answer.status == 200 && answer.json["journal_mode"] == "wal" && answer.json["synchronous"] == 2
    return isWell ? [] : ["I9: /health/db answers \(answer.status) \(answer.text)"]
  }

  private func disabled() async throws -> [String] {
    guard let wanted = ledger.isSpareDisabled else { return [] }
    let status = try await service.send("GET", "/api/agents/spare").json["status"]
    return status == (wanted ? "disabled" : "running")
      ? [] : ["I15: the spare agent is \(status?.text ?? "absent"), and disabled was \(wanted)"]
  }

  private func causes() async throws -> [String] {
    var found: [String] = []
    for status in ["pending", "running", "waiting"] {
      let page = try await service.send("GET", "/api/tasks?limit=500&status=\(status)").json
      if page["next_cursor"]?.isNull != true { found.append("the rig has more \(status) tasks than it can look at") }
      for task in page["data"]?.arrayValue ?? [] {
        let (id, wait) = (task["id"]?.stringValue ?? "", task["waiting"])
        let (attempt, maximum) = (task["attempt"]?.integerValue ?? .max, task["max_attempts"]?.integerValue ?? 0)
        if attempt > maximum { found.append("I17: \(id) is at attempt \(attempt) of \(maximum)") }
        guard task["status"] == "waiting" else { continue }
        let isForPerson = ["approval", "step_in_doubt", "restored"].contains(wait?["reason"]?.stringValue)
        if !isForPerson, wait?["until"]?.stringValue == nil { found.append("I17: \(id) waits for nothing") }
      }
    }
    return found
  }

  /// Made before the row: what has no row was never acknowledged, and is gone before anybody is served.
  private func workspaces() throws -> [String] {
    let folders = Set(try FileManager.default.contentsOfDirectory(atPath: service.data + "/workspaces"))
    let tasks = Set(store.tasks.map { "task-\($0.id)" })
    return folders.subtracting(tasks).map { "the workspace \($0) has no task" }
      + tasks.subtracting(folders).map { "\($0) has no workspace" }
  }

  private func stream(after start: Int) async throws -> [String] {
    let wanted = store.events.filter { $0.sequence > start }
    guard let last = wanted.last else { return [] }
    var request = HTTPExchange.Request(url: "http://localhost/api/events?after=\(start)", maximumResponseBytes: nil)
    request.unixSocketPath = service.socket
    var seen: [(sequence: Int, type: String)] = []
    var parser = EventStreamParser()
    reading: for try await bytes in try await service.transport.stream(request).body {
      for event in try parser.consume(bytes) where event.name != "delta" {
        if event.name == "gap" { return ["I18: the stream from \(start) has a gap"] }
        seen.append((Int(event.lastEventID) ?? 0, event.name))
        if seen.last.map({ $0.sequence >= last.sequence }) ?? false { break reading }
      }
    }
    let isSame = seen.count == wanted.count && zip(seen, wanted).allSatisfy { $0 == ($1.sequence, $1.type) }
    return isSame
      ? [] : ["I18: from \(start) to \(last.sequence) the stream has \(seen.count) events and v_events \(wanted.count)"]
  }
}
