import AgentCore
import AgentTestKit
import Foundation
import HTTPTransport
import Testing

/// Readers of events that stop reading, against the real service.
@Suite struct StalledReaderTests {
  /// A deliberately generous bound: what all stalled readers' buffers hold, and then some.
  private static let memoryRoom = 192 * 1024

  @Test("a reader that stalls is dropped at no cost to others, and misses nothing when it comes back")
  func dropped() async throws {
    let words = String(repeating: "word ", count: 600)
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ServiceProcess.scripted(
        [["reply": ["text": .string(words)]]],
        agents: ["talker": ["instructions": "Talk.", "tools": [], "concurrency": 32]]))
    let stalled = try RawClient(unixPath: service.socket)
    defer { stalled.close() }
    stalled.write("GET /api/events?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    let fast = try PromptReader(service, "/api/events?after=0")
    let before = try Self.residentKilobytes(service.pid)
    let count = 400
    let batch = (0..<count).map { _ in ["agent": "talker", "input": "x"] as JSONValue }
    #expect(try await service.send("POST", "/api/tasks:batch", ["tasks": .array(batch)]).status == 201)
    let (seen, deltas) = try await Self.read(fast, of: service, untilCompleted: count)
    #expect(deltas >= count)
    #expect(seen.count >= 5 * count && seen == seen.sorted() && Set(seen).count == seen.count)
    let after = try Self.residentKilobytes(service.pid)
    #expect(after - before < Self.memoryRoom, "\(before) kB before, \(after) kB after")
    try #require(await stalled.isHungUp(withinSeconds: 40), "the stalled reader is still connected")
    // What it got before it was dropped, and what it gets by asking for the rest.
    let got = try Self.numbers(inAnswer: await stalled.rest())
    let last = try #require(got.last)
    #expect(got.count < seen.count)
    var again = try await service.events("/api/events", headers: [("Last-Event-ID", String(last))])
    var all = got
    while all.last != seen.last {
      let event = try #require(try await again.next())
      if event.name != "delta" { all.append(try #require(Int(event.lastEventID))) }
    }
    #expect(all == seen)
  }

  @Test("a task that is deleted while a reader is in the middle of its stream ends it with the reason")
  func deleted() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: Self.longJournal(turns: 5))
    let id = try await service.create(["agent": "reader", "input": "go"])
    #expect(try await service.ended(id)["status"] == "completed")
    let slow = try RawClient(unixPath: service.socket)
    defer { slow.close() }
    slow.write("GET /api/tasks/\(id)/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    #expect(await slow.holds(bytes: 64 * 1024))
    #expect(try await service.send("DELETE", "/api/tasks/\(id)?purge=true").status == 200)
    let text = String(decoding: RawClient.dechunked(await slow.rest()), as: UTF8.self)
    #expect(text.hasSuffix("event: end\ndata: {\"reason\":\"\(id) was deleted\",\"task\":\"\(id)\"}\n\n"))
    try await service.refused(404, "not_found", "GET", "/api/tasks/\(id)/events")
  }

  /// A task whose journal is longer than what a connection's buffers take: so many times sixty reads of a file.
  private static func longJournal(turns: Int) -> [String: String] {
    let text = String(repeating: "line of a long file\n", count: 150)
    let read: JSONValue = ["name": "file.read", "arguments": ["path": "a.txt"]]
    let write: JSONValue = ["name": "file.write", "arguments": ["path": "a.txt", "text": .string(text)]]
    let rules: [JSONValue] = (1...turns).map { turn in
      let calls = (turn == 1 ? [write] : []) + Array(repeating: read, count: 60)
      return ["when": ["turn": JSONValue(turn)], "reply": ["tool_calls": .array(calls)]]
    }
    return ServiceProcess.scripted(
      rules + [ServiceProcess.saysDone],
      agents: [
        "reader": ["instructions": "Read.", "tools": ["file.read", "file.write"], "limits": ["steps": 1000]]
      ])
  }

  /// The numbers of all events until so many tasks are completed, and how many deltas came between.
  private static func read(
    _ reader: PromptReader, of service: ServiceProcess, untilCompleted count: Int
  ) async throws -> (numbers: [Int], deltas: Int) {
    let end = Data("event: task.completed\n".utf8)
    // Each round waits for the service; those that follow the last task's end are for the reader.
    for _ in 0..<60 where reader.bytes().ranges(of: end).count < count {
      _ = try await service.send("GET", "/api/tasks/task-\(count)?wait=1s")
    }
    var parser = EventStreamParser()
    let events = try parser.consume(Array(reader.bytes()))
    #expect(events.count { $0.name == "task.completed" } == count)
    let numbers = events.filter { $0.name != "delta" }.compactMap { Int($0.lastEventID) }
    return (numbers, events.count { $0.name == "delta" })
  }

  /// Of the whole events of an answer that may be cut anywhere.
  private static func numbers(inAnswer bytes: [UInt8]) throws -> [Int] {
    var parser = EventStreamParser()
    return try parser.consume(RawClient.dechunked(bytes)).filter { $0.name != "delta" }
      .compactMap { Int($0.lastEventID) }
  }

  /// `VmRSS` of /proc/PID/status.
  private static func residentKilobytes(_ pid: Int32) throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    return try #require(line.split(separator: " ").compactMap { Int($0) }.first)
  }
}

/// A reader of a stream that takes what there is, however busy this process is: curl, into a file.
private final class PromptReader: Sendable {
  private let curl = ChildProcess()
  private let folder: TemporaryFolder

  init(_ service: ServiceProcess, _ path: String) throws {
    folder = try TemporaryFolder("reader")
    curl.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
    curl.arguments = [
      "-sN", "-o", folder.appending("events"), "--unix-socket", service.socket, "http://localhost" + path,
    ]
    curl.standardInput = FileHandle.nullDevice
    try curl.run()
  }

  deinit { curl.terminate() }

  func bytes() -> Data { FileManager.default.contents(atPath: folder.appending("events")) ?? Data() }
}
