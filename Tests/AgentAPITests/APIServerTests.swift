import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Logging
import ServiceLifecycle
import Testing

@testable import AgentAPI

@Suite(.serialized, .timeLimit(.minutes(4))) struct APIServerTests {
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// Runs the listeners while `body` runs, then stops them as SIGTERM would; throws what they threw.
  private func serving(
    _ harness: APIHarness, count: Int, _ body: @Sendable @escaping ([BoundAddress], ServiceGroup) async throws -> Void
  ) async throws {
    let (bound, source) = AsyncStream<BoundAddress>.makeStream()
    let server = APIServer(options: harness.options, services: harness.services, logger: Self.logger)
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: server.listeners { address, _ in source.yield(address) }.map { .init(service: $0) },
        logger: Self.logger))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        defer { source.finish() }
        try await group.run()
      }
      tasks.addTask {
        var addresses: [BoundAddress] = []
        for await address in bound {
          addresses.append(address)
          if addresses.count == count { break }
        }
        do {
          if addresses.count == count { try await body(addresses, group) }
        } catch {
          await group.triggerGracefulShutdown()
          throw error
        }
        await group.triggerGracefulShutdown()
      }
      try await tasks.waitForAll()
    }
  }

  private func serving(
    _ harness: APIHarness, _ body: @Sendable @escaping (Int, ServiceGroup) async throws -> Void
  ) async throws {
    try await serving(harness, count: 1) { addresses, group in
      guard case .tcp(let host, let port) = addresses[0] else { throw CancellationError() }
      #expect(host == "127.0.0.1")
      try await body(port, group)
    }
  }

  private static let binds = [APIOptions.Bind(host: "127.0.0.1", port: 0)]

  @Test("a free port is taken, told, and served")
  func freePort() async throws {
    try await serving(APIHarness(binds: Self.binds)) { port, _ in
      let client = try RawConnection(port: port)
      try client.send("GET /api/agents/status HTTP/1.1\r\nHost: localhost:\(port)\r\n\r\n")
      // Nothing runs the engine here, so nothing runs.
      #expect(try await client.read(until: "stopped").hasPrefix("HTTP/1.1 200 OK"))
    }
  }

  @Test("a request of HTTP/1.0 is nobody's")
  func oldVersion() async throws {
    try await serving(APIHarness(binds: Self.binds)) { port, _ in
      let client = try RawConnection(port: port)
      try client.send("GET /api/agents/status HTTP/1.0\r\nHost: localhost\r\n\r\n")
      #expect(try await client.read(until: "unauthenticated").contains(" 401 "))
    }
  }

  @Test("a head over the limits is refused and the connection closed")
  func largeHead() async throws {
    try await serving(APIHarness(binds: Self.binds)) { port, _ in
      let client = try RawConnection(port: port)
      try client.send(
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: \(String(repeating: "x", count: 9000))\r\n\r\n")
      #expect(try await client.read(until: nil).contains(" 400 "))
    }
  }

  @Test("a taken port is address_in_use")
  func taken() async throws {
    try await serving(APIHarness(binds: Self.binds)) { port, _ in
      let second = APIHarness(binds: [APIOptions.Bind(host: "127.0.0.1", port: port)])
      let error = await #expect(throws: APIServerError.self) { try await serving(second) { _, _ in } }
      #expect(error?.code == "address_in_use")
    }
  }

  @Test("one address that is taken ends the others too")
  func oneTaken() async throws {
    let folder = try TemporaryFolder("api")
    let path = folder.appending("api.sock")
    try await serving(APIHarness(binds: Self.binds)) { port, _ in
      let second = APIHarness(binds: Self.binds + [APIOptions.Bind(host: "127.0.0.1", port: port)], socket: path)
      let error = await #expect(throws: APIServerError.self) { try await serving(second, count: 3) { _, _ in } }
      #expect(error == .addressInUse("http://127.0.0.1:\(port)"))
    }
    #expect(access(path, F_OK) != 0)
  }

  @Test("on the socket the kernel names the peer, whatever the headers say; its file is 0660 and goes at the end")
  func socket() async throws {
    let folder = try TemporaryFolder("api")
    let path = folder.appending("run/api.sock")
    let harness = APIHarness(local: APIHarness.statusOnly, socket: path)
    try await serving(harness, count: 1) { addresses, _ in
      #expect(addresses == [.socket(path: path)])
      var status = stat()
      #expect(lstat(path, &status) == 0)
      #expect(status.st_mode & 0o777 == 0o660)
      let client = try RawConnection(path: path)
      try client.send("DELETE /api/tasks/7 HTTP/1.1\r\nHost: x\r\nOrigin: http://y\r\n\r\n")
      let answer = try await client.read(until: "\r\n\r\n")
      // The tests' own user: root and the service's are administrators, others are not.
      #expect(answer.contains(getuid() == 0 ? " 202 " : " 403 ") || answer.contains(" 200 "))
      if getuid() == 0 { #expect(harness.store.calls.contains("cancel task-7 by uid:0")) }
    }
    #expect(access(path, F_OK) != 0)
  }

  @Test("a socket that nobody answers on is replaced, one that somebody does is not, nor another file")
  func staleSocket() async throws {
    let folder = try TemporaryFolder("api")
    let path = folder.appending("api.sock")
    try await serving(APIHarness(socket: path), count: 1) { _, _ in
      let error = await #expect(throws: APIServerError.self) {
        try await serving(APIHarness(socket: path), count: 1) { _, _ in }
      }
      #expect(error?.code == "address_in_use")
      // The first one goes on.
      let client = try RawConnection(path: path)
      try client.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try await client.read(until: "ok").contains(" 200 "))
    }
    let stale = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(stale, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    close(stale)
    #expect(access(path, F_OK) == 0)
    try await serving(APIHarness(socket: path), count: 1) { addresses, _ in #expect(addresses.count == 1) }
    close(open(path, O_CREAT | O_WRONLY, 0o600))
    let error = await #expect(throws: APIServerError.self) {
      try await serving(APIHarness(socket: path), count: 1) { _, _ in }
    }
    #expect(error?.code == "listen_failed")
    #expect(access(path, F_OK) == 0)
  }

  private func entry(_ sequence: Int64) -> JournalEntry {
    JournalEntry(
      sequence: sequence, task: TaskID(number: 7), taskSequence: sequence, step: nil, type: .taskSubmitted,
      at: Timestamp(milliseconds: 0), actor: .local, head: ["n": .integer(sequence)], body: nil)
  }

  @Test("a stream opens with its starting point, goes on live, and SIGTERM ends it cleanly at once")
  func stream() async throws {
    let harness = APIHarness(binds: Self.binds)
    harness.store.state.withLock { $0.entries = [entry(1), entry(2)] }
    try await serving(harness) { port, group in
      let client = try RawConnection(port: port)
      try client.send("GET /api/events?after=0 HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 1\r\n\r\n")
      let opening = try await client.read(until: "\"n\":2")
      #expect(opening.contains("text/event-stream"))
      #expect(opening.contains("id: 1\n\n"))
      #expect(!opening.contains("\"n\":1"))
      harness.store.state.withLock { $0.entries.append(entry(3)) }
      harness.services.events.committed(
        CommitNotice(lastSequence: 3, tasks: [TaskID(number: 7)]))
      #expect(try await client.read(until: "\"n\":3").contains("event: task.submitted"))
      await group.triggerGracefulShutdown()
      // The last chunk of a whole answer.
      #expect(try await client.read(until: nil).hasSuffix("0\r\n\r\n"))
    }
  }

  @Test("a reader that has seen nothing of what was deleted is told so; the wish for all that is kept is not one")
  func resumedAtZero() async throws {
    let harness = APIHarness(binds: Self.binds)
    harness.store.state.withLock { ($0.entries, $0.highestDeleted) = ([entry(2)], 1) }
    try await serving(harness) { port, _ in
      for (line, path) in [("Last-Event-ID: 0\r\n", "/api/events?after=0"), ("", "/api/events?after=0")] {
        let client = try RawConnection(port: port)
        try client.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(line)\r\n")
        #expect(try await client.read(until: "\"n\":2").contains("event: gap") == !line.isEmpty)
      }
    }
  }

  @Test("a client that leaves gives its stream's place back")
  func clientGone() async throws {
    let harness = APIHarness(binds: Self.binds)
    try await serving(harness) { port, _ in
      do {
        let client = try RawConnection(port: port)
        try client.send("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _ = try await client.read(until: "id: 0")
        #expect(harness.services.events.subscriberCount == 1)
      }
      while harness.services.events.subscriberCount > 0, !Task.isCancelled { await Task.yield() }
    }
  }

  @Test("a client that leaves in the middle of an archive ends its reading")
  func archiveGone() async throws {
    let harness = APIHarness(binds: Self.binds)
    harness.store.state.withLock { $0.task.folder = "/endless" }
    try await serving(harness) { port, _ in
      do {
        let client = try RawConnection(port: port)
        try client.send("GET /api/tasks/7/files.tar HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _ = try await client.read(until: "application/x-tar")
      }
      while harness.workspaces.endedArchives.withLock({ $0 }) == 0, !Task.isCancelled { await Task.yield() }
    }
  }

  private static let canBeOthers =
    getuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0 && access("/usr/bin/curl", X_OK) == 0

  @Test(
    "the admin group's members are let in by the kernel's word, others are not",
    .enabled(if: APIServerTests.canBeOthers, "only root can be others, by setpriv"),
    arguments: [("998", "200"), ("997", "000")])
  func group(group: String, status: String) async throws {
    let folder = try TemporaryFolder("api")
    chmod(folder.path, 0o755)
    let path = folder.appending("api.sock")
    try await serving(APIHarness(local: APIHarness.statusOnly, socket: path), count: 1) { _, _ in
      let output = try await Self.run([
        "/usr/bin/setpriv", "--reuid", "1234", "--regid", "1234", "--groups", group, "/usr/bin/curl", "-s", "-o",
        "/dev/null", "-w", "%{http_code}", "--unix-socket", path, "http://localhost/api/tasks",
      ])
      #expect(output == status)
    }
  }

  private static func run(_ command: [String]) async throws -> String {
    try await withCheckedThrowingContinuation { continuation in
      // A thread of its own: the pool's threads must not wait for a process.
      DispatchQueue.global().async {
        let (process, pipe) = (ChildProcess(), Pipe())
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.standardOutput = pipe
        do {
          try process.run()
        } catch {
          return continuation.resume(throwing: error)
        }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        continuation.resume(returning: String(decoding: output, as: UTF8.self))
      }
    }
  }

  @Test("the stream of an ended task ends with its end")
  func endedTask() async throws {
    let harness = APIHarness(binds: Self.binds)
    harness.store.state.withLock { state in
      state.entries = [entry(1)]
      state.task.status = .completed
    }
    try await serving(harness) { port, _ in
      let client = try RawConnection(port: port)
      try client.send("GET /api/tasks/task-7/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
      let whole = try await client.read(until: nil)
      #expect(whole.contains("event: end\ndata: {\"task\":\"task-7\"}\n\n"))
      #expect(whole.hasSuffix("0\r\n\r\n"))
    }
  }

  @Test("a waiting request is answered at once when the service stops")
  func waitAtShutdown() async throws {
    let harness = APIHarness(binds: Self.binds)
    try await serving(harness) { port, group in
      let client = try RawConnection(port: port)
      try client.send("GET /api/tasks/7?wait=10m HTTP/1.1\r\nHost: localhost\r\n\r\n")
      while harness.services.events.subscriberCount == 0, !Task.isCancelled { await Task.yield() }
      await group.triggerGracefulShutdown()
      #expect(try await client.read(until: "\"status\":\"pending\"").contains(" 200 "))
    }
  }
}
