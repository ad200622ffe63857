import AgentCore
import AgentRuntime
import Hummingbird

/// A task's journal, and the settling of a step in doubt.
struct StepRoutes: Sendable {
  let services: APIServices

  func list(_ call: APICall) async throws -> Response {
    .list(try await services.tasks.steps(of: try call.taskID()).map { StepBody.json($0, isListed: true) })
  }

  func show(_ call: APICall) async throws -> Response {
    let (id, number) = (try call.taskID(), try step(call))
    guard let step = try await services.tasks.steps(of: id).first(where: { $0.number == number }) else {
      throw APIError("not_found", "\(id) has no step \(number)")
    }
    return .json(StepBody.json(step))
  }

  func resolve(_ call: APICall) async throws -> Response {
    let (id, number) = (try call.taskID(), try step(call))
    let resolution = try Self.resolution(call.body)
    let task = try await services.tasks.resolve(id, step: number, as: resolution, by: call.caller.principal)
    return .json(TaskBody.json(task))
  }

  /// `{"action":"finished|retry|fail","output":…}`, `output` with `finished` alone.
  static func resolution(_ body: JSONValue) throws(APIError) -> TaskService.Resolution {
    var reader = FieldReader(body)
    let (action, output) = (reader.text("action"), reader.value("output"))
    reader.refuseUnknown()
    if output != nil, action != "finished" { reader.refuse("output", "only with the action `finished`") }
    let resolution: TaskService.Resolution? =
      switch action {
      case "finished": .finished(output: output ?? .null)
      case "retry": .retry
      case "fail": .fail
      default: nil
      }
    if resolution == nil, body.objectValue != nil { reader.refuse("action", "finished, retry or fail") }
    guard let resolution, reader.problems.isEmpty else { throw APIError("invalid_field", fields: reader.problems) }
    return resolution
  }

  private func step(_ call: APICall) throws(APIError) -> Int {
    guard let number = Self.number(call.parameters["n"] ?? "") else {
      throw APIError("not_found", "there is no such step")
    }
    return number
  }

  /// A step's number, 1 or more, in its one spelling.
  static func number(_ text: String) -> Int? {
    guard (1...9).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "0"),
      text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text)
    else { return nil }
    return number
  }
}
