import AgentCore
import AgentRuntime
import HTTPTypes
import Hummingbird
import ServiceLifecycle

/// The verbs on tasks.
struct TaskRoutes: Sendable {
  /// Longer waits are a stream's work; proxies cut silent connections long before.
  static let maximumWait: Duration = .seconds(600)

  let services: APIServices

  func list(_ call: APICall) async throws -> Response {
    var query = try TaskListQuery.read(call.query)
    if call.isOwnOnly {
      let caller = call.caller.principal
      guard query.owner ?? caller == caller else { return .list([]) }
      query.owner = caller
    }
    let page = try await services.tasks.tasks(query)
    return .list(page.items.map { TaskBody.json($0, isListed: true) }, nextCursor: page.nextCursor)
  }

  func show(_ call: APICall) async throws -> Response {
    let (id, limit) = (try call.taskID(), try wait(call))
    let task = if let limit { try await ended(id, within: limit) } else { try await services.tasks.task(id) }
    return .json(TaskBody.json(task))
  }

  func create(_ call: APICall) async throws -> Response {
    let (key, limit) = (try Self.idempotencyKey(call.request.head), try wait(call))
    let draft = try TaskDraftReader.draft(call.body, head: call.request.head)
    let submission = try await services.tasks.submit([draft], key: key, by: call.caller.principal)
    let (tasks, headers) = Self.unpack(submission)
    guard var task = tasks.first else { throw APIError("internal_error", "the store answered with no task") }
    if let limit, !task.status.isTerminal {
      // The task is stored: a read of it that fails must not tell the caller that it is not.
      if let seen = try? await ended(task.id, within: limit) { task = seen }
    }
    var located = headers
    located[.location] = "/api/tasks/\(task.id)"
    return .json(TaskBody.json(task), status: .created, headers: located)
  }

  func createBatch(_ call: APICall) async throws -> Response {
    let key = try Self.idempotencyKey(call.request.head)
    let drafts = try TaskDraftReader.drafts(call.body, head: call.request.head)
    let submission = try await services.tasks.submit(drafts, isBatch: true, key: key, by: call.caller.principal)
    let (tasks, headers) = Self.unpack(submission)
    let items = tasks.map { TaskBody.json($0, isListed: true) }
    return .json(["data": .array(items)], status: .created, headers: headers)
  }

  /// 200 when it is over with, 202 while its worker winds down.
  func cancel(_ call: APICall) async throws -> Response {
    let id = try call.taskID()
    if try call.query.flag("purge") {
      try call.require(.taskPurge)
      try await services.tasks.purge(id, by: call.caller.principal)
      return .json(["id": .string(id.description), "deleted": true])
    }
    let task = try await services.tasks.cancel(id, by: call.caller.principal)
    return .json(TaskBody.json(task), status: task.status.isTerminal ? .ok : .accepted)
  }

  func retry(_ call: APICall) async throws -> Response {
    let id = try call.taskID()
    let start = try Self.retryStart(try call.query.text("from"))
    return .json(TaskBody.json(try await services.tasks.retry(id, from: start, by: call.caller.principal)))
  }

  func resume(_ call: APICall) async throws -> Response {
    .json(TaskBody.json(try await services.tasks.resume(try call.taskID(), by: call.caller.principal)))
  }

  private func wait(_ call: APICall) throws(APIError) -> Duration? {
    try call.query.duration("wait", upTo: Self.maximumWait)
  }

  private func ended(_ id: TaskID, within limit: Duration) async throws -> AgentTask {
    let tasks = services.tasks
    let waited = await cancelWhenGracefulShutdown {
      // A read that the stop of the service cut is made again below; so is one that failed, and tells why there.
      try? await tasks.wait(for: id, upTo: limit)
    }
    if let waited { return waited }
    return try await tasks.task(id)
  }

  private static func unpack(_ submission: Submission) -> ([AgentTask], HTTPFields) {
    switch submission {
    case .created(let tasks): (tasks, [:])
    case .repeated(let tasks): (tasks, [replayedField: "true"])
    }
  }

  /// 1 to 255 visible ASCII characters.
  static func idempotencyKey(_ head: HTTPRequest) throws(APIError) -> String? {
    guard let key = head.headerFields[keyField] else { return nil }
    guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw QueryReader.refused("Idempotency-Key", "1 to 255 visible ASCII characters")
    }
    return key
  }

  /// `start`, `step-7`; nothing: after the last finished step.
  static func retryStart(_ text: String?) throws(APIError) -> RetryStart {
    guard let text else { return .lastStep }
    if text == "start" { return .beginning }
    if text.hasPrefix("step-"), let number = StepRoutes.number(String(text.dropFirst(5))) { return .step(number) }
    throw QueryReader.refused("from", "start, or a step like step-7")
  }

  private static let keyField = RequestName.fieldName("Idempotency-Key")
  private static let replayedField = RequestName.fieldName("Idempotency-Replayed")
}
