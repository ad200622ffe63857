import AgentCore
import HTTPTypes
import Testing

@testable import AgentAPI

/// What holds of every route, whatever it does: taken from the table itself, so that a new route cannot escape.
@Suite struct RouteTableTests {
  struct Line: Sendable, CustomTestStringConvertible {
    var method: HTTPRequest.Method
    var path: String
    var query: Set<String>
    var isStream: Bool
    var testDescription: String { "\(method.rawValue) \(path)" }
  }

  /// Every route with harmless values for its parameters.
  static let lines: [Line] = RouteTable(services: APIHarness().services).routes.map { route in
    var path = route.pattern.description
    for (name, value) in [
      ("{id}", route.pattern.description.contains("agents") ? "coder" : "7"), ("{n}", "1"), ("{name}", "sandbox"),
    ] {
      path = path.replacing(name, with: value)
    }
    path = path.replacing("{path...}", with: "a/b.txt")
    return Line(method: route.method, path: path, query: route.query, isStream: route.isStream)
  }

  @Test("an unknown query parameter is 422 and named, on every route", arguments: lines)
  func unknownParameter(line: Line) async throws {
    let harness = APIHarness()
    let answer = try await harness.send(line.method, line.path + "?colour=blue", from: APIHarness.root)
    #expect(answer.status == 422)
    #expect(answer.code == "invalid_parameter")
    #expect(answer.pointers == ["/colour"])
    #expect(harness.store.calls.isEmpty)
  }

  @Test("a method that a path does not have is 405 with all that it has in `Allow`, on every route", arguments: lines)
  func otherMethod(line: Line) async throws {
    let family = Self.lines.filter { $0.path == line.path }
    var expected = Set(family.map(\.method.rawValue))
    if family.contains(where: { $0.method == .get && !$0.isStream }) { expected.insert("HEAD") }
    for method in [HTTPRequest.Method.put, .patch, .trace, .options] {
      let answer = try await APIHarness().send(method, line.path, from: APIHarness.root)
      #expect(answer.status == 405 && answer.code == "method_not_allowed")
      let allowed = (answer.headers[.allow] ?? "").split(separator: ",").map { $0.filter { $0 != " " } }
      #expect(Set(allowed) == expected && allowed.count == expected.count)
    }
  }

  @Test("every answer carries the caller's request id, and one of its own where the caller's is none", arguments: lines)
  func requestID(line: Line) async throws {
    // Refused for its query, so that no stream is opened; problems and answers pass through the same door.
    let harness = APIHarness()
    for (given, isTaken) in [("abc-1", true), ("a b", false)] {
      let answer = try await harness.send(
        line.method, line.path + "?colour=blue", headers: ["X-Request-Id": given], from: APIHarness.root)
      let shown = try #require(answer.headers[RequestName.field])
      #expect((shown == given) == isTaken && !shown.isEmpty)
      #expect(answer.json["request_id"]?.stringValue == shown)
    }
  }

  @Test(
    "an id that is spelled another way is none, on every route of a task",
    arguments: lines.filter { $0.path.hasPrefix("/api/tasks/7") })
  func spelling(line: Line) async throws {
    for id in ["task-01", "07", "task-+1", "task-0", "task--1", "task-99999999999999999999", "9223372036854775808"] {
      let harness = APIHarness()
      let path = line.path.replacing("/api/tasks/7", with: "/api/tasks/\(id)")
      let body = line.path.hasSuffix(":resolve") ? #"{"action":"fail"}"# : nil
      let answer = try await harness.send(line.method, path, body, from: APIHarness.root)
      #expect(answer.status == 404 && answer.code == "not_found", "\(path): \(answer.status)")
      #expect(harness.store.calls.isEmpty)
    }
  }

  @Test("a step's number has one spelling too", arguments: ["01", "+1", "0", "9999999999"])
  func stepSpelling(number: String) async throws {
    #expect(try await APIHarness().send(.get, "/api/tasks/7/steps/\(number)").status == 404)
  }

  @Test("what the store does not find is 404", arguments: [StoreError.Code.notFound])
  func notFound(code: StoreError.Code) async throws {
    let harness = APIHarness()
    harness.store.state.withLock { $0.refusal = StoreError(code, "there is no such step") }
    let answer = try await harness.send(.post, "/api/tasks/7/steps/9:resolve", #"{"action":"fail"}"#)
    #expect(answer.status == 404 && answer.code == "not_found")
  }
}
