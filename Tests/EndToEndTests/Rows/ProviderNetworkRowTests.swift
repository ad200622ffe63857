import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The fault table's rows about providers whose network is at fault, on the real binary.
@Suite struct ProviderNetworkRowTests {
  private static func service(
    _ entry: JSONValue, in folder: TemporaryFolder, _ more: [String: JSONValue] = [:], prefix: [String] = []
  ) async throws -> ServiceProcess {
    var members = entry.objectValue ?? [:]
    members.merge(more) { $1 }
    return try await ServiceProcess.serve(
      in: folder, files: ProviderSite.files(["main": .object(members)]), prefix: prefix)
  }

  private static func run(_ service: ServiceProcess) async throws -> (task: JSONValue, step: JSONValue) {
    let task = try await service.ended(
      try await service.create(["agent": "worker", "input": "go", "max_attempts": 1]))
    let steps = try await service.steps(task["id"]?.stringValue ?? "")
    return (task, steps.first ?? .null)
  }

  @Test(
    "a port that neither takes nor refuses a connection: `timeout` by `connect`, tried again, and nothing was sent",
    .shows(.providerTimeout, "connect"))
  func blackHole() async throws {
    let hole = try FullListener()
    let folder = try TemporaryFolder("hole")
    let limits: JSONValue = ["connect": "300ms", "first_byte": "30s", "idle": "30s", "total": "60s"]
    let service = try await Self.service(
      WireFormat.openai.entry("http://127.0.0.1:\(hole.port)", ProviderSite.fast), in: folder, ["timeouts": limits])
    let start = ContinuousClock.now
    let (task, step) = try await Self.run(service)
    #expect(task["error"]?["code"] == "timeout" && step["attempt"] == 2, "\(task.text) \(step.text)")
    // Neither try reached anybody, so neither is paid for.
    #expect(task["usage"]?["output_tokens"] == 0, "\(task.text)")
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  /// A network of its own that has a loopback and nothing else.
  private static let ownNetwork = [
    "/usr/bin/unshare", "--user", "--map-root-user", "--net", "python3", "-c",
    """
    import fcntl, os, socket, struct, sys
    fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 1))
    os.execv(sys.argv[1], sys.argv[1:])
    """,
  ]

  static let hasOwnNetwork: Bool = {
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: ownNetwork[0])
    process.arguments = Array(ownNetwork.dropFirst()) + ["/bin/true"]
    process.standardError = FileHandle.nullDevice
    guard FileManager.default.isExecutableFile(atPath: ownNetwork[0]), (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()

  @Test(
    "no route: `unreachable`, tried again", .shows(.providerUnreachable, "no route"),
    .enabled(if: hasOwnNetwork, "this user may not make a network namespace"))
  func noRoute() async throws {
    let service = try await Self.service(
      WireFormat.openai.entry("http://192.0.2.1", ProviderSite.fast), in: TemporaryFolder("route"),
      prefix: Self.ownNetwork)
    let (task, step) = try await Self.run(service)
    #expect(task["error"]?["code"] == "unreachable" && step["attempt"] == 2, "\(task.text) \(step.text)")
  }

  @Test("a provider behind a proxy; a proxy that refuses or is gone is `unreachable`, and no error has its password")
  func proxy() async throws {
    let proxy = try ForwardProxy.start(credentials: "me:pass")
    let gone = try LoopbackServer { _ in "" }
    gone.stop()
    let folder = try TemporaryFolder("proxy")
    let double = try await ProviderDouble([ProviderSite.saysDone], in: folder)
    func entry(_ proxy: String) -> JSONValue {
      WireFormat.openai.entry(double.address, ProviderSite.fast.merging(["proxy": .string(proxy)]) { $1 })
    }
    let service = try await Self.service(entry("http://me:pass@127.0.0.1:\(proxy.port)"), in: folder)
    let (task, _) = try await Self.run(service)
    #expect(task["status"] == "completed", "\(task.text)")
    #expect(proxy.requests.first?.target == double.address + "/v1/chat/completions")
    // What was meant for the proxy goes no further.
    #expect(try double.calls().allSatisfy { $0.header("proxy-authorization") == nil })
    for address in ["http://me:pa55w0rd@127.0.0.1:\(gone.port)", "http://me:pa55w0rd@127.0.0.1:\(proxy.port)"] {
      let other = try TemporaryFolder("proxy")
      let cut = try await Self.service(entry(address), in: other)
      let (task, _) = try await Self.run(cut)
      #expect(["unreachable", "provider_rejected"].contains(task["error"]?["code"]?.stringValue), "\(task.text)")
      let log = try String(contentsOfFile: other.appending("log/app.log"), encoding: .utf8)
      #expect(!log.contains("pa55w0rd") && !task.text.contains("pa55w0rd") && !cut.standardError.contains("pa55w0rd"))
    }
    #expect(try double.calls().count == 1)
  }

  @Test("a server that speaks no TLS: `tls_failed`, not tried again, and no key is sent", .shows(.providerTLS))
  func plain() async throws {
    let server = try LoopbackServer { connection, _ in
      connection.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
      connection.waitForClose()
    }
    let service = try await Self.service(
      WireFormat.openai.entry("https://127.0.0.1:\(server.port)", ProviderSite.fast), in: TemporaryFolder("plain"))
    let (task, step) = try await Self.run(service)
    #expect(task["error"]?["code"] == "tls_failed" && step["attempt"] == 1, "\(task.text) \(step.text)")
    #expect(server.requests.isEmpty)
  }

  @Test(
    "a connection that closes in the middle of the head: `unreachable`, and each request is a counted try",
    .shows(.providerUnreachable), arguments: ["HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Type: text/ev"])
  func cutHead(_ beginning: String) async throws {
    let server = try LoopbackServer { connection, _ in
      guard connection.readRequest() != nil else { return }
      connection.write(beginning)
    }
    let service = try await Self.service(
      WireFormat.openai.entry("http://127.0.0.1:\(server.port)", ProviderSite.fast), in: TemporaryFolder("head"))
    let (task, step) = try await Self.run(service)
    #expect(task["error"]?["code"] == "unreachable" && step["attempt"] == 2, "\(task.text)")
    #expect(server.requests.count == 2, "\(step.text)")
  }
}
