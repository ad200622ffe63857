import AgentConfig
import AgentCore
import AgentRuntime
import AgentTestKit
import HTTPTypes
import Hummingbird
import InProcessCache
import LLMProviders
import Logging
import NIOCore
import Testing

@testable import AgentAPI

/// The real routes over the real services, with a double where the store would be.
struct APIHarness {
  let store = StoreDouble()
  let workspaces = WorkspaceDouble()
  let clock = ManualClock()
  let providers: ProviderDirectory
  let services: APIServices
  let options: APIOptions

  static let loopback = ConnectionFacts(peer: .address(isLoopback: true), localAddress: "127.0.0.1")
  static let elsewhere = ConnectionFacts(peer: .address(isLoopback: false), localAddress: "10.0.0.1")
  /// What `local` may do as installed.
  static let statusOnly = PermissionSet.some([.agentStatus])
  static let root = ConnectionFacts(peer: .socket(uid: 0, groups: [0]))

  init(
    local: PermissionSet = .everything, binds: [APIOptions.Bind] = [], socket: String? = nil,
    providers: ProviderDirectory? = nil, health change: (inout HealthBoard) -> Void = { _ in }
  ) {
    let (store, clock, workspaces) = (store, clock, workspaces)
    let (events, agents) = (TaskEvents(), AgentDirectory([AgentDefinition(id: "coder", instructions: "", tools: [])]))
    let providers =
      providers
      ?? ProviderDirectory(
        ProviderSettings(),
        ProviderDirectory.Parts(clock: clock, random: SeededRandom(seed: 3)) {
          SandboxProvider(id: $0.id, clock: clock)
        })
    self.providers = providers
    let engine = Dispatcher(
      parts: EngineParts(
        store: store, providers: EnginePartsDouble(), tools: EnginePartsDouble(), workspaces: workspaces,
        events: events, clock: clock, random: SeededRandom(seed: 1), digester: FixedDigester(), faults: NoFaults(),
        log: NoLog()),
      agents: agents)
    let answers = ExpiringCache<String, [UInt8]>(
      capacity: APIServices.answerCapacity, lifetime: APIServices.answerLifetime, clock: clock)
    var health = HealthBoard(
      version: "1.2.3",
      database: SharedProbe(clock: clock) { () async throws(StoreError) in try await store.probe() },
      checks: [], cache: { ["entries": 0] }, unreadiness: { nil }, clock: clock, startedAt: .zero)
    change(&health)
    services = APIServices(
      tasks: TaskService(
        store: store, workspaces: workspaces, agents: agents, events: events, engine: engine, clock: clock,
        digester: FixedDigester()),
      agents: AgentService(store: store, agents: agents, engine: engine) { _ in },
      providers: providers,
      maintenance: Maintenance(store: store, workspaces: workspaces, clock: clock), reader: store,
      events: events, workspaces: workspaces,
      health: health, answers: answers, clock: clock, random: SeededRandom(seed: 2))
    options = APIOptions(
      binds: binds, socket: socket, local: RoleRights(local), allowedHosts: ["agents.example"], serviceUser: 999,
      adminGroup: 998)
  }

  struct Answer {
    var status: Int
    var headers: HTTPFields
    var bytes: [UInt8]
    /// Null where the body is no JSON.
    var json: JSONValue
    var code: String? { json["code"]?.stringValue }
    var pointers: [String] { json["errors"]?.arrayValue?.compactMap { $0["pointer"]?.stringValue } ?? [] }
  }

  func send(
    _ method: HTTPRequest.Method, _ target: String, _ body: String? = nil, headers: [String: String] = [:],
    host: String? = "localhost:8080", from facts: ConnectionFacts = APIHarness.loopback
  ) async throws -> Answer {
    var fields = HTTPFields()
    if let body {
      fields[.contentType] = "application/json"
      fields[.contentLength] = String(body.utf8.count)
    }
    for (name, value) in headers { fields[try #require(HTTPField.Name(name))] = value }
    let request = Request(
      head: HTTPRequest(method: method, scheme: "http", authority: host, path: target, headerFields: fields),
      body: RequestBody(buffer: ByteBuffer(string: body ?? "")))
    let responder = APIResponder(
      table: RouteTable(services: services), callerGuard: options.callerGuard, clock: clock,
      random: services.random, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let response = try await responder.respond(to: request, context: ConnectionContext(facts: facts))
    let written = WrittenBody()
    try await response.body.write(BodyCollector(written: written))
    let bytes = await written.bytes
    // A body that is no JSON is what some tests ask for.
    let json = (try? JSONValue(parsing: bytes)) ?? .null
    return Answer(status: response.status.code, headers: response.headers, bytes: bytes, json: json)
  }
}

actor WrittenBody {
  private(set) var bytes: [UInt8] = []
  func append(_ buffer: ByteBuffer) { bytes += buffer.readableBytesView }
}

struct BodyCollector: ResponseBodyWriter {
  let written: WrittenBody
  mutating func write(_ buffer: ByteBuffer) async throws { await written.append(buffer) }
  consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
