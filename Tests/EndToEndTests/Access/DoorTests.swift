import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// Every route of the running binary, asked by every kind of caller: 422 stands for "let pass".
@Suite(.timeLimit(.minutes(3))) struct DoorTests {
  private static let passed = 422

  /// What a request shows that does not come straight from a program of this machine.
  private static let signs = [
    DoorCaller(name: "bearer", headers: ["Authorization: Bearer nothing"]),
    DoorCaller(name: "basic", headers: ["Authorization: Basic cm9vdDpyb290"]),
    DoorCaller(name: "cookie", headers: ["Cookie: a=b"]),
    DoorCaller(name: "Forwarded", headers: ["Forwarded: for=127.0.0.1"]),
    DoorCaller(name: "X-Forwarded-For", headers: ["X-Forwarded-For: 127.0.0.1"]),
    DoorCaller(name: "X-Forwarded-Proto", headers: ["x-forwarded-proto: http"]),
    DoorCaller(name: "X-Real-IP", headers: ["X-Real-IP: 127.0.0.1"]),
    DoorCaller(name: "Via", headers: ["Via: 1.1 proxy"]),
    DoorCaller(name: "Origin", headers: ["Origin: http://localhost:8080"]),
    DoorCaller(name: "page", headers: ["Sec-Fetch-Site: cross-site"]),
    DoorCaller(name: "own page", headers: ["Sec-Fetch-Site: same-origin"]),
    // One request a connection: the service keeps those of HTTP/1.0 open and reads no second request from them.
    DoorCaller(name: "HTTP/1.0", headers: ["Connection: close"], options: ["http1.0"]),
  ]
  private static let foreignHost = DoorCaller(name: "Host", headers: ["Host: evil.example"])

  private static func expectSigns(_ service: ServiceProcess) async throws {
    for caller in signs { try await caller.expect(service) { $0 == .open ? passed : 401 } }
    try await foreignHost.expect(service) { $0 == .open ? passed : 421 }
  }

  @Test("as installed, loopback may see the agents' status and the probes, with foreign signs the probes alone")
  func installed() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    try await DoorCaller(name: "loopback").expect(service) {
      $0 == .open || $0 == .needs(.agentStatus) ? Self.passed : 401
    }
    try await Self.expectSigns(service)
    let answer = try await service.refused(401, "unauthenticated", "GET", "/api/tasks", overTCP: true)
    #expect(answer.head.value(of: "www-authenticate") == "Bearer")
    let detail = answer.json["detail"]?.stringValue ?? ""
    for part in ["curl --unix-socket \(service.socket) http://localhost/", "sudo agent-system", "usermod -aG"] {
      #expect(detail.contains(part), "\(detail)")
    }
  }

  @Test("`local: [\"*\"]` opens loopback and nothing else: foreign signs are 401 as before")
  func opened() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), files: ["permissions.yaml": "roles: {local: ['*']}\n"])
    try await DoorCaller(name: "loopback").expect(service) { $0 == .administrator ? 401 : Self.passed }
    try await Self.expectSigns(service)
  }

  @Test("the sandbox is open to loopback, and to no page and no proxy")
  func sandbox() async throws {
    let service = try await ServiceProcess.sandbox(in: TemporaryFolder())
    try await DoorCaller(name: "loopback").expect(service) { $0 == .administrator ? 401 : Self.passed }
    try await Self.expectSigns(service)
  }

  @Test("on the socket root, the service's user and the group's members do everything, whatever their headers say")
  func administrators() async throws {
    let site = try await DoorSite()
    var status = stat()
    try #require(stat(site.service.socket, &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o660 && status.st_gid == DoorSite.group && status.st_uid == DoorSite.user)
    let (user, group, stranger) = (DoorSite.user, DoorSite.group, DoorSite.stranger)
    func many(_ count: UInt32) -> [UInt32] { (1...count).map { 70_000 + $0 } + [group] }
    let callers = [
      DoorCaller(name: "root", isOnSocket: true),
      DoorCaller(
        name: "root with signs", headers: ["Authorization: Bearer x", "Via: p", "Host: evil"], isOnSocket: true),
      DoorCaller(name: "the service's user", isOnSocket: true, identity: .init(uid: user, gid: stranger)),
      DoorCaller(name: "primary group", isOnSocket: true, identity: .init(uid: stranger, gid: group)),
      DoorCaller(name: "member", isOnSocket: true, identity: .init(uid: stranger, gid: stranger, groups: [7, group])),
      DoorCaller(
        name: "member of 400 groups", isOnSocket: true, identity: .init(uid: stranger, gid: stranger, groups: many(399))
      ),
      DoorCaller(
        name: "member of 9,000 groups", isOnSocket: true,
        identity: .init(uid: stranger, gid: stranger, groups: many(8999))),
    ]
    for caller in callers { try await caller.expect(site.service) { _ in Self.passed } }
  }

  @Test("another user of the machine cannot connect to the socket, and where the file's mode was widened is told 403")
  func strangers() async throws {
    let site = try await DoorSite()
    let identity = DoorCaller.Identity(uid: DoorSite.stranger, gid: DoorSite.stranger, groups: [7, 8])
    let stranger = DoorCaller(name: "another user", isOnSocket: true, identity: identity)
    try await stranger.expect(site.service) { _ in 0 }
    try #require(chmod(site.service.socket, 0o666) == 0)
    try await stranger.expect(site.service) { $0 == .open ? Self.passed : 403 }
    // Over loopback the same user is `local`, as everybody is.
    let loopback = DoorCaller(name: "another user over loopback", identity: identity)
    try await loopback.expect(site.service) { $0 == .open || $0 == .needs(.agentStatus) ? Self.passed : 401 }
  }

  @Test("without the group on the machine the socket is its user's and root's alone")
  func noGroup() async throws {
    try #require(geteuid() == 0)
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    var status = stat()
    try #require(stat(service.socket, &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o660)
    try await DoorCaller(name: "root", isOnSocket: true).expect(service) { _ in Self.passed }
  }
}
