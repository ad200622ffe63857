import AgentCore
import HTTPTypes
import Testing

@testable import AgentAPI

@Suite struct CallerGuardTests {
  @Test(
    "a plain request over loopback is local",
    arguments: ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "agents.example"])
  func local(host: String) async throws {
    let answer = try await APIHarness().send(.get, "/api/agents/status", host: host)
    #expect(answer.status == 200)
  }

  @Test(
    "a sign of a proxy, a page or credentials bars local",
    arguments: [
      "Authorization", "Cookie", "Forwarded", "X-Forwarded-For", "x-forwarded-anything", "X-Real-IP", "Via", "Origin",
      "Agent-System-Old-Version",
    ])
  func foreignSign(header: String) async throws {
    let answer = try await APIHarness().send(.get, "/api/agents/status", headers: [header: "x"])
    #expect(answer.status == 401)
    #expect(answer.code == "unauthenticated")
    #expect(answer.headers[.wwwAuthenticate] == "Bearer")
    #expect(answer.json["detail"]?.stringValue?.contains("unix socket") == true)
  }

  @Test(
    "a browser's page is refused, its address bar is not",
    arguments: [("none", 200), ("same-origin", 401), ("cross-site", 401)])
  func fetchSite(value: String, status: Int) async throws {
    let answer = try await APIHarness().send(.get, "/api/agents/status", headers: ["Sec-Fetch-Site": value])
    #expect(answer.status == status)
  }

  @Test(
    "a foreign Host is misdirected",
    arguments: ["evil.example", "localhost.evil.example", "127.0.0.1.evil", "", "[::1", "localhost:80x", "10.9.9.9"])
  func foreignHost(host: String) async throws {
    let answer = try await APIHarness().send(.get, "/api/agents/status", host: host)
    #expect(answer.status == 421)
    #expect(answer.code == "host_not_allowed")
  }

  @Test("a request without Host is misdirected")
  func noHost() async throws { #expect(try await APIHarness().send(.get, "/api/tasks", host: nil).status == 421) }

  @Test("the connection's own address is no foreign Host, but another machine is not local")
  func ownAddress() async throws {
    let answer = try await APIHarness().send(.get, "/api/tasks", host: "10.0.0.1:8080", from: APIHarness.elsewhere)
    #expect(answer.status == 401)
  }

  @Test("as installed, local may see the agents' status and nothing else")
  func statusOnly() async throws {
    let harness = APIHarness(local: APIHarness.statusOnly)
    #expect(try await harness.send(.get, "/api/agents/status").status == 200)
    #expect(try await harness.send(.get, "/api/tasks").status == 401)
    #expect(try await harness.send(.post, "/api/tasks", #"{"agent":"coder","input":"x"}"#).code == "unauthenticated")
    #expect(harness.store.state.withLock { $0.submitted }.isEmpty)
  }

  @Test(
    "the socket's peers are named by the kernel",
    arguments: [
      (ConnectionFacts.Peer.socket(uid: 0, groups: [0]), 200), (.socket(uid: 999, groups: [999]), 200),
      (.socket(uid: 1000, groups: [1000, 998]), 200), (.socket(uid: 1000, groups: [1000]), 403), (.unknown, 403),
    ])
  func socket(peer: ConnectionFacts.Peer, status: Int) async throws {
    let harness = APIHarness(local: APIHarness.statusOnly)
    let answer = try await harness.send(.get, "/api/tasks", host: "whatever", from: ConnectionFacts(peer: peer))
    #expect(answer.status == status)
  }

  @Test("what a socket's peer does is done by its uid")
  func actor() async throws {
    let harness = APIHarness(local: APIHarness.statusOnly)
    _ = try await harness.send(.delete, "/api/tasks/7", from: ConnectionFacts(peer: .socket(uid: 999, groups: [])))
    #expect(harness.store.calls.contains("cancel task-7 by uid:999"))
  }

  @Test("health pages ask nobody who they are", arguments: ["/livez", "/readyz", "/health/cache", "/health/redis"])
  func open(path: String) async throws {
    let answer = try await APIHarness().send(
      .get, path, headers: ["Origin": "http://x", "Via": "p"], host: "pod.example", from: APIHarness.elsewhere)
    #expect(answer.status == 200)
  }
}
