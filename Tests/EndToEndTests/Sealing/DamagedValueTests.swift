import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Sealed values that were changed, or moved, in the database of a stopped service.
@Suite struct DamagedValueTests {
  private let rig: KeyRig

  init() throws { rig = try KeyRig() }

  /// One hexadecimal digit of the sealed value's text in the first row of a task is another one.
  private func flip(_ task: Int) async throws {
    let body = try await body(task)
    let mark = try #require(body.range(of: Data("\"$sealed\":\"".utf8)))
    var changed = body
    // Beyond version, algorithm, key and nonce.
    let place = mark.upperBound + 30
    changed[place] = changed[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
    try await put(changed, task)
  }

  private func body(_ task: Int) async throws -> Data {
    let hex = Array(try await rig.sql("SELECT hex(body) FROM journal WHERE task = \(task) AND type = 1").utf8)
    return Data(
      stride(from: 0, to: hex.count - 1, by: 2).compactMap {
        UInt8(String(decoding: hex[$0...$0 + 1], as: UTF8.self), radix: 16)
      })
  }

  private func put(_ body: Data, _ task: Int) async throws {
    let hex = body.map { String(format: "%02x", $0) }.joined()
    _ = try await rig.sql("UPDATE journal SET body = X'\(hex)' WHERE task = \(task) AND type = 1")
  }

  @Test(
    "what does not open is [sealed] to all, told once with its place, and fails its task alone, at the first attempt")
  func damaged() async throws {
    let first = try await rig.serve(files: KeyRig.writingFiles)
    try await rig.disableAgents(of: first)
    var ids: [String] = []
    for number in 1...4 {
      let order: JSONValue = ["prompt": "put it down", "api_key": .string("planted-damaged-\(number)")]
      ids.append(try await first.create(["agent": "writer", "input": order]))
    }
    await rig.stop(first)
    try await flip(1)
    let (second, third) = (try await body(2), try await body(3))
    try await put(third, 2)
    try await put(second, 3)

    let service = try await rig.serve()
    for id in ids {
      #expect(try await service.task(id)["input"] == ["prompt": "put it down", "api_key": "[sealed]"])
      let events = try await service.send("GET", "/api/tasks/\(id)/steps")
      #expect(events.status == 200)
    }
    #expect(try await service.send("POST", "/api/agents/writer/enable").status == 200)
    for id in ids.prefix(3) {
      let task = try await service.ended(id)
      #expect(task["status"] == "failed" && task["attempt"] == 1, "\(task.text)")
      #expect(task["error"]?["code"] == "sealed_value_invalid", "\(task.text)")
      #expect(task["input"]?["api_key"] == "[sealed]")
    }
    #expect(try await service.ended(ids[3])["status"] == "completed")
    #expect(try await service.send("GET", "/api/tasks/\(ids[3])/files/out.txt").text == "planted-damaged-4")
    // Asked for once more, by the same service: told no second time.
    #expect(try await service.send("POST", "/api/tasks/\(ids[0])/retry").status == 200)
    #expect(try await service.ended(ids[0])["status"] == "failed")
    #expect(try await service.send("GET", "/health").status == 200)
    await rig.stop(service)
    let errors = try rig.log().split(separator: "\n").filter { line in
      line.lowercased().contains("error ") && line.contains("sealed_value_invalid: The sealed value of row")
    }
    for task in 1...3 {
      let row = try await rig.sql("SELECT seq FROM journal WHERE task = \(task) AND type = 1")
      let told = errors.filter { $0.contains("row \(row) of table journal, column body, member /input/api_key") }
      #expect(told.count == 1, "\(told)")
    }
    #expect(errors.count == 3, "\(errors)")
  }
}
