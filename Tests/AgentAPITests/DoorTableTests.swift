import AgentCore
import AgentTestKit
import HTTPTypes
import Testing

@testable import AgentAPI

@Suite struct DoorTableTests {
  @Test("the table of routes is the one that the door is tested by, line for line")
  func equal() {
    let routes = RouteTable(services: APIHarness().services).routes.map { route in
      let access: DoorTable.Access =
        switch route.access {
        case .open: .open
        case .needs(let permission, let own): .needs(permission, own: own)
        case .administrator: .administrator
        }
      return DoorTable.Line(method: route.method.rawValue, path: route.pattern.description, access: access)
    }
    #expect(Set(routes) == Set(DoorTable.lines) && routes.count == DoorTable.lines.count)
  }

  @Test(
    "a role of local's opens the routes of its permissions and no other",
    arguments: [Permission.taskRead, .taskReadOwn, .taskCreate, .agentManage, .configRead])
  func one(permission: Permission) async throws {
    let harness = APIHarness(local: .some([permission]))
    for line in DoorTable.lines {
      let method = try #require(HTTPRequest.Method(rawValue: line.method))
      let answer = try await harness.send(method, line.target + "?colour=blue")
      let expected =
        switch line.access {
        case .open: 422
        case .administrator: 401
        case .needs(let needed, let own):
          // The task that the path names is nobody's.
          needed == permission || (own == permission && !line.path.contains("{id}"))
            ? 422 : own == permission ? 404 : 401
        }
      #expect(answer.status == expected, "\(line): \(answer.status)")
    }
  }

  @Test("what only administrators may is no role's, not even one with everything")
  func administrator() throws {
    let door = APIHarness().options.callerGuard
    let (local, peer) = (Caller(principal: .local, permissions: .everything), Principal.uid(7))
    #expect(throws: APIError.self) { try door.requireAdministrator(local) }
    #expect(throws: APIError.self) {
      try door.requireAdministrator(Caller(principal: peer, permissions: .some(Set(Permission.allCases))))
    }
    #expect(throws: Never.self) { try door.requireAdministrator(Caller(principal: peer, permissions: .everything)) }
  }

  @Test("a role that changes is in force at once")
  func changing() async throws {
    let harness = APIHarness(local: APIHarness.statusOnly)
    #expect(try await harness.send(.get, "/api/tasks").status == 401)
    harness.options.local.permissions = .some([.taskRead])
    #expect(try await harness.send(.get, "/api/tasks").status == 200)
    #expect(try await harness.send(.get, "/api/agents/status").status == 401)
    harness.options.local.permissions = .some([])
    #expect(try await harness.send(.get, "/api/tasks").status == 401)
  }

  @Test("a refusal says how to get in: sudo, the group, and a line for the socket")
  func wayIn() async throws {
    let harness = APIHarness(local: APIHarness.statusOnly, socket: "/run/x/api.sock")
    let answer = try await harness.send(.get, "/api/tasks")
    #expect(answer.headers[.wwwAuthenticate] == "Bearer")
    let detail = try #require(answer.json["detail"]?.stringValue)
    for part in [
      "curl --unix-socket /run/x/api.sock http://localhost/", "sudo agent-system", "usermod -aG agent-system",
    ] {
      #expect(detail.contains(part), "\(detail)")
    }
    let wrong = try await harness.send(.get, "/api/tasks", headers: ["Authorization": "Bearer x"])
    #expect(wrong.json["detail"]?.stringValue == detail && wrong.headers[.wwwAuthenticate] == "Bearer")
  }
}
