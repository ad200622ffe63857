import AgentTestKit
import AgentCore
import AgentTools
import HTTPTransport
import Testing

/// The tool on a transport of its own, and a context that opens the servers given.
struct HTTPToolFixture {
  var transport: CurlTransport
  var tool: HTTPRequestTool
  var context: ToolContext

  static func with(
    _ servers: LoopbackServer..., allowHosts: [String] = [], own: [SocketAddress] = [],
    total: Duration = .seconds(20), _ body: (HTTPToolFixture) async throws -> Void
  ) async throws {
    let transport = try CurlTransport()
    defer {
      for server in servers { server.stop() }
      transport.shutdown()
    }
    let tool = HTTPRequestTool(
      transport: transport,
      timeouts: .init(connect: .seconds(5), firstByte: nil, idle: nil, total: total), ownListeners: { own })
    let context = ToolContext(
      task: TaskID(number: 7), step: 3, workspace: "/nowhere", idempotencyKey: "task-7-step-3",
      allowHosts: allowHosts + servers.map { "127.0.0.1:\($0.port)" })
    try await body(HTTPToolFixture(transport: transport, tool: tool, context: context))
  }

  /// Plans and performs, as a step does.
  func call(_ arguments: JSONValue) async throws(ToolError) -> JSONValue {
    let plan = try await tool.plan(arguments, in: context)
    let outcome = try await tool.perform(arguments, plan: plan, in: context)
    #expect(outcome.text.utf8.count <= ToolOutcome.maximumBytes)
    #expect(outcome.writtenFiles.isEmpty)
    do {
      return try JSONValue(parsing: outcome.text)
    } catch {
      throw ToolError("test", "the result is no JSON: \(error)")
    }
  }

  func failure(_ arguments: JSONValue, _ location: SourceLocation = #_sourceLocation) async -> ToolError? {
    do {
      let result = try await call(arguments)
      Issue.record("an answer came: \(result.text.prefix(200))", sourceLocation: location)
      return nil
    } catch {
      return error
    }
  }

  func planFailure(_ arguments: JSONValue) async -> ToolError? {
    do {
      _ = try await tool.plan(arguments, in: context)
      return nil
    } catch {
      return error
    }
  }
}
