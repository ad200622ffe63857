import AgentCore
import AgentTools
import HTTPTypes
import Testing

@testable import AgentAPI

@Suite struct RoutingTests {
  @Test("nothing is open but health pages")
  func openRoutes() {
    for route in RouteTable(services: APIHarness().services).routes {
      #expect((route.access == .open) == RouteTable.isOpen(route.pattern.description[...]))
    }
  }

  @Test(
    "unknown paths are 404",
    arguments: [
      "/", "/api", "/api/", "/api/tasks/", "/api/Tasks", "/healthz", "/health/", "/health/x",
      "/api/providers/openai", "/api/providers/", "/api/providers//test",
      "/api/tasks/task-7/steps/1/2", "/api/tasks/0", "/api/tasks/nonsense", "/api/tasks/-1", "/api/tasks/7/steps/0",
    ])
  func unknown(path: String) async throws {
    let answer = try await APIHarness().send(.get, path)
    #expect(answer.status == 404)
    #expect(answer.code == "not_found")
    #expect(answer.headers[.contentType] == "application/problem+json")
  }

  @Test(
    "another method is 405 with Allow",
    arguments: [
      (HTTPRequest.Method.put, "/api/tasks", "GET, POST, HEAD"), (.get, "/api/tasks:batch", "POST"),
      (.get, "/api/tasks/7:resume", "POST"), (.post, "/api/events", "GET"), (.head, "/api/events", "GET"),
      (.post, "/health", "GET, HEAD"), (.patch, "/api/tasks/7", "GET, DELETE, HEAD"),
    ])
  func otherMethod(method: HTTPRequest.Method, path: String, allow: String) async throws {
    let answer = try await APIHarness().send(method, path)
    #expect(answer.status == 405)
    #expect(answer.headers[.allow] == allow)
  }

  @Test("HEAD answers as GET does, without a body")
  func head() async throws {
    let answer = try await APIHarness().send(.head, "/livez")
    #expect(answer.status == 200)
    #expect(answer.bytes.isEmpty)
    #expect(answer.headers[.contentLength] == "15")
  }

  @Test("each answer carries the safe headers and a request id")
  func headers() async throws {
    let answer = try await APIHarness().send(.get, "/api/agents")
    #expect(answer.headers[.xContentTypeOptions] == "nosniff")
    #expect(answer.headers[.cacheControl] == "no-store")
    #expect(answer.headers[RequestName.fieldName("Referrer-Policy")] == "no-referrer")
    #expect(answer.headers[RequestName.field]?.count == 32)
  }

  @Test(
    "a caller's request id is taken if it is sane",
    arguments: [
      ("abc-1._Z", true), ("", false), ("a b", false), (String(repeating: "x", count: 65), false), ("ü", false),
    ])
  func requestID(given: String, isTaken: Bool) async throws {
    let answer = try await APIHarness().send(.get, "/nowhere", headers: ["X-Request-Id": given])
    #expect((answer.headers[RequestName.field] == given) == isTaken)
    #expect(answer.json["request_id"]?.stringValue == answer.headers[RequestName.field])
  }

  @Test(
    "a bad escape in the path is refused",
    arguments: ["/api/tasks/%zz", "/api/tasks/%", "/api/tasks/%ff", "/api/tasks/%00"])
  func badEscape(path: String) async throws {
    let answer = try await APIHarness().send(.get, path)
    #expect(answer.status == 400)
    #expect(answer.code == "invalid_path")
  }

  @Test(
    "a query is read strictly",
    arguments: [
      "/api/tasks?statu=pending", "/api/tasks?status=done", "/api/tasks?limit=0", "/api/tasks?limit=501",
      "/api/tasks?limit=1&limit=2", "/api/tasks?limit=+1", "/api/tasks?order=up", "/api/tasks?label=x",
      "/api/tasks?created_after=yesterday", "/api/tasks?owner=me", "/api/tasks?agent=%zz", "/api/tasks?cursor=",
      "/api/tasks/7?wait=soon", "/api/tasks/7?wait=11m", "/api/tasks/7?x=1", "/api/agents?limit=1",
    ])
  func badQuery(target: String) async throws {
    let answer = try await APIHarness().send(.get, target)
    #expect(answer.status == 422)
    #expect(answer.code == "invalid_parameter")
  }

  @Test(
    "codes have the contract's statuses",
    arguments: [
      ("not_found", 404), ("invalid_field", 422), ("agent_unknown", 422), ("batch_too_large", 413),
      ("idempotency_mismatch", 422), ("idempotency_in_flight", 409), ("task_deleted", 410), ("queue_full", 429),
      ("overloaded", 503), ("disk_full", 507), ("storage_io_error", 503), ("database_corrupt", 503),
      ("shutting_down", 503), ("task_finished", 409), ("step_in_doubt", 409), ("folder_not_allowed", 422),
      ("nobody_knows_this", 500),
    ])
  func statuses(code: String, status: Int) { #expect(ErrorBody.status(of: code).code == status) }

  @Test("every code of a workspace has a status of its own", arguments: WorkspaceError.Code.allCases)
  func workspaceCodes(code: WorkspaceError.Code) {
    // What a tool alone finds out is told to the model: no route can meet it.
    let isTools = [.editNoMatch, .editAmbiguous, .argumentsInvalid].contains(code)
    #expect((ErrorBody.status(of: code.rawValue).code == 500) == isTools)
  }

  @Test("every code of the store has a status of its own", arguments: StoreError.Code.allCases)
  func storeCodes(code: StoreError.Code) {
    // A lost claim is the engine's affair: no route can meet it.
    #expect((ErrorBody.status(of: code.rawValue).code == 500) == (code == .claimLost))
  }
}
