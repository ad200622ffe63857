import AgentCore
import AgentTestKit
import Foundation
import Glibc
import HTTPTransport
import Testing

/// The real binary as a unit of a service manager that this test plays.
@Suite(.timeLimit(.minutes(2))) struct ServiceManagerTests {
  private static let script = ServiceProcess.scripted([ServiceProcess.saysDone])

  private static func started(
    _ folder: TemporaryFolder, watchdog: Duration? = nil, environment more: [String: String] = [:]
  ) async throws -> (ServiceProcess, NotifySocket) {
    let manager = try NotifySocket(folder.appending("notify"))
    var environment = more.merging(["NOTIFY_SOCKET": manager.address]) { $1 }
    if let watchdog { environment["WATCHDOG_USEC"] = "\(watchdog.components.seconds * 1_000_000)" }
    let service = try await ServiceProcess.serve(in: folder, files: script, environment: environment)
    return (service, manager)
  }

  @Test("ready when it serves; a reload is told around with its time; a stop is told, exit 0")
  func life() async throws {
    let (service, manager) = try await Self.started(TemporaryFolder())
    let first = await manager.messages { $0.contains { $0.hasPrefix("READY=1") } }
    #expect(first.last?.contains("STATUS=serving") == true, "\(first)")
    #expect(try await service.send("GET", "/readyz").status == 200)
    #expect(try await service.send("GET", "/livez", overTCP: true).status == 200)

    let before = Self.monotonicMicroseconds()
    service.signal(SIGHUP)
    let reloaded = await manager.messages { $0.last == "READY=1" && $0.contains { $0.hasPrefix("RELOADING=1") } }
    let reloading = try #require(reloaded.first { $0.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") })
    let time = try #require(Int64(reloading.split(separator: "=").last ?? ""))
    #expect((before...Self.monotonicMicroseconds()).contains(time))
    // By the API too.
    #expect(try await service.send("POST", "/api/config/reload").status == 200)
    await manager.messages { $0.count { $0 == "READY=1" } == 2 }

    service.signal(SIGTERM)
    #expect(await service.exit() == 0)
    #expect(manager.messages.last?.hasPrefix("STOPPING=1\n") == true, "\(manager.messages)")
  }

  private static func monotonicMicroseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }

  @Test("a start that is refused is never ready, and its error is the unit's status")
  func refused() async throws {
    let folder = try TemporaryFolder()
    let manager = try NotifySocket(folder.appending("notify"))
    try FileManager.default.createDirectory(atPath: folder.appending("data"), withIntermediateDirectories: true)
    chmod(folder.appending("data"), 0o755)
    let service = try ServiceProcess(
      folder: folder, environment: ["NOTIFY_SOCKET": manager.address],
      arguments: ["serve", "--data", folder.appending("data"), "--listen", "127.0.0.1:0"])
    #expect(await service.exit() == 78)
    let messages = await manager.messages { !$0.isEmpty }
    #expect(messages.count == 1 && messages[0].hasPrefix("STATUS=data_folder_permissions: "), "\(messages)")
  }

  @Test(
    "the watchdog is fed while all answer; while the writer hangs it is not, and the log says who is silent",
    .enabled(if: InjectedFault.isPossible, "\(InjectedFault.whyNot)"))
  func hangingWriter() async throws {
    let folder = try TemporaryFolder()
    let (service, manager) = try await Self.started(folder, watchdog: .seconds(3))
    await manager.messages { $0.count { $0.hasPrefix("WATCHDOG=1") } >= 2 }
    let hang = try await InjectedFault(
      service, "fdatasync", "delay_enter=60000000", paths: [folder.appending("data/agent.db-wal")])
    let silent = await manager.messages { $0.last == "STATUS=no answer from: writer" }
    let log = try String(contentsOfFile: folder.appending("log/app.log"), encoding: .utf8)
    #expect(log.contains("ERROR watchdog no answer from: writer"), "\(log)")
    // The rest of the service answers meanwhile; nothing is fed for it.
    let health = try await service.asking("GET", "/health/db") { $0.status == 503 }
    #expect(health.status == 503 && manager.messages.count == silent.count, "\(manager.messages)")
    await hang.end()
    await service.killed()
  }

  @Test("while the dispatcher hangs the watchdog is not fed, though all else answers; then it is again")
  func hangingDispatcher() async throws {
    let folder = try TemporaryFolder()
    let fault = URL(fileURLWithPath: folder.appending("fault"))
    let (service, manager) = try await Self.started(
      folder, watchdog: .seconds(3), environment: ["AGENT_SYSTEM_FAULT_FILE": fault.path])
    await manager.messages { $0.contains { $0.hasPrefix("WATCHDOG=1") } }
    try Data("hold claim.after_effect".utf8).write(to: fault, options: .atomic)
    let silent = await manager.messages { $0.last == "STATUS=no answer from: dispatcher" }
    // As long as the watchdog's patience: its writer and its HTTP server take the task, and nobody claims it.
    let id = try await service.create(["agent": "coder", "input": ["prompt": "go"]])
    let waited = try await service.send("GET", "/api/tasks/\(id)?wait=3s")
    #expect(waited.json["status"] == "pending", "\(waited.text)")
    #expect(manager.messages.count == silent.count, "\(manager.messages)")
    try Data("".utf8).write(to: fault, options: .atomic)
    await manager.messages { $0.last?.hasPrefix("WATCHDOG=1") == true }
    #expect(try await service.ended(id)["status"] == "completed")
    await service.killed()
  }

  @Test(
    "while the HTTP server hangs the watchdog is not fed; then it is again",
    .enabled(if: InjectedFault.isPossible, "\(InjectedFault.whyNot)"))
  func hangingListener() async throws {
    let folder = try TemporaryFolder()
    let (service, manager) = try await Self.started(folder, watchdog: .seconds(3))
    await manager.messages { $0.contains { $0.hasPrefix("WATCHDOG=1") } }
    // The threads of the server's event loops, and no others: each hangs where it would wait for the next event.
    let hang = try await InjectedFault(
      service, "?epoll_wait,epoll_pwait", "delay_enter=60000000", threads: "NIO-")
    let silent = await manager.messages { $0.last == "STATUS=no answer from: http" }
    // As long as the watchdog's patience.
    var request = HTTPExchange.Request(url: "http://localhost/livez")
    request.unixSocketPath = service.socket
    request.timeouts = HTTPExchange.Timeouts(firstByte: .seconds(3), total: .seconds(3))
    await #expect(throws: TransportError.self) { try await service.transport.send(request) }
    #expect(manager.messages.count == silent.count, "\(manager.messages)")
    await hang.end()
    await manager.messages { $0.last?.hasPrefix("WATCHDOG=1") == true }
    await service.killed()
  }

  @Test(
    "a start that takes long asks for more time before it is ready",
    .enabled(if: InjectedFault.isPossible, "\(InjectedFault.whyNot)"))
  func longStart() async throws {
    let folder = try TemporaryFolder()
    let manager = try NotifySocket(folder.appending("notify"))
    // Longer than until the first look; by then it has worked, and hangs in the first commit.
    let service = try await ServiceProcess.serve(
      in: folder, files: Self.script, environment: ["NOTIFY_SOCKET": manager.address],
      prefix: [
        InjectedFault.program, "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-P",
        folder.appending("data/agent.db-wal"),
        "-e", "inject=fdatasync:delay_enter=7000000:when=1",
      ])
    let messages = await manager.messages { $0.contains { $0.hasPrefix("READY=1") } }
    #expect(messages.first == "EXTEND_TIMEOUT_USEC=30000000", "\(messages)")
    let pid = try String(contentsOfFile: folder.appending("data/lock"), encoding: .utf8).split(separator: "\n").first
    // Not strace, which would only let it go: whom the lock names.
    kill(try #require(Int32(pid ?? "")), SIGKILL)
    await service.exit()
  }

  @Test(
    "a full or failing disk is no hang: it is fed on, and the status says why",
    .enabled(if: InjectedFault.isPossible, "\(InjectedFault.whyNot)"), arguments: ["ENOSPC", "EROFS", "EIO"])
  func refusingDisk(error: String) async throws {
    let folder = try TemporaryFolder()
    let (service, manager) = try await Self.started(folder, watchdog: .seconds(3))
    await manager.messages { $0.contains { $0.hasPrefix("WATCHDOG=1") } }
    let fault = try await InjectedFault(
      service, "pwrite64", "error=\(error)", paths: [folder.appending("data/agent.db-wal")])
    let fed = await manager.messages { $0.count { $0.contains("WATCHDOG=1\nSTATUS=serving, 0 tasks run; ") } >= 3 }
    #expect(!fed.contains { $0.contains("no answer from") }, "\(fed)")
    await fault.end()
    await manager.messages { $0.last?.hasSuffix("0 tasks run") == true }
    await service.killed()
  }
}
