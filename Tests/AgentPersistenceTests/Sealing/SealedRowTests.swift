import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Testing
import Vault

@testable import AgentPersistence

@Suite("What is sensitive is sealed in its row")
struct SealedRowTests {
  private static let input: JSONValue = [
    "prompt": "go", "api_key": "planted-input-1", "login": [["Pass-Word": "planted-input-2"], ["max_tokens": 5]],
    "token": ["deep": ["planted-input-3", 1_234_567_890]],
  ]
  private static let shownInput: JSONValue = [
    "prompt": "go", "api_key": "[sealed]", "login": [["Pass-Word": "[sealed]"], ["max_tokens": 5]],
    "token": "[sealed]",
  ]

  @Test("the file and its WAL have none of the values, every read shows [sealed], and the worker gets them in clear")
  func values() async throws {
    let bench = try await TaskStoreBench()
    let id = try bench.store.drawTaskIDs(count: 1)[0]
    let task = NewTask(
      id: id, agent: "coder", input: Self.input, metadata: ["password": "planted-metadata"],
      outputSchema: ["properties": ["token": ["type": "string"]]], labels: ["token": "planted-label", "team": "a"])
    guard case .created(let created) = try await bench.store.submit([task], key: nil, maximumUnfinished: 9, by: .local)
    else { return #expect(Bool(false), "not created") }
    let claimed = try #require(try await bench.claim().first)
    #expect(claimed.hasSealed)
    let arguments: JSONValue = ["url": "http://x", "api_key": "planted-argument"]
    let started = try await bench.advance(
      claimed,
      .stepStarted(
        StepStart(
          number: 1, kind: .toolCall, name: "http.request", effect: .pure,
          input: ["call_id": "c1", "arguments": arguments, "sealed": ["values": ["planted-beside"]]], inputHash: "h")))
    let reply: JSONValue = [
      "text": "hi", "tool_calls": [["id": "c2", "name": "t", "arguments": ["token": "planted-call"]]],
      "origin": [
        "message": ["tool_calls": [["function": ["arguments": #"{"token":"planted-origin"}"#]]]],
        "envelope": ["api_key": "planted-envelope"],
      ],
    ]
    let ended = try await bench.advance(
      claimed, .stepEnded(StepEnd(number: 1, outcome: .finished(output: reply, resultHash: "r"))))

    for shown in [created[0], claimed.task, try await bench.task(id), try await bench.store.cancel(id, by: .local)] {
      #expect(shown.input == Self.shownInput && shown.metadata == ["password": "[sealed]"])
      #expect(shown.labels == ["token": "[sealed]", "team": "a"] && shown.outputSchema == task.outputSchema)
    }
    let journal = try await bench.store.journal(of: id)
    #expect(journal.contains(started.entries[0]) && journal.contains(ended.entries[0]))
    #expect(try await bench.store.events(after: 0, of: nil, limit: 99).page.entries == journal)
    #expect(try await bench.store.tasks(TaskQuery()).items.map(\.input) == [Self.shownInput])
    let texts = journal.map { $0.head.text + ($0.body?.text ?? "") }
    #expect(!texts.contains { $0.contains("planted") || $0.contains("$sealed") })
    #expect(started.entries[0].body?["input"]?["arguments"] == ["url": "http://x", "api_key": "[sealed]"])
    #expect(
      ended.entries[0].body?["output"]?["origin"]?["message"]
        == ["tool_calls": [["function": ["arguments": #"{"token":"[sealed]"}"#]]]])

    let clear = try await bench.store.clearValues(of: id)
    #expect(clear.paths == ["api_key", "login.0.Pass-Word", "token"])
    #expect(clear.reveal(path: "login.0.Pass-Word") == "planted-input-2")
    #expect(clear.reveal(path: "token") == Self.input["token"])
    let texts2 = Set(clear.revealTexts().map { $0.reveal() })
    for text in [
      "planted-input-3", "1234567890", "planted-metadata", "planted-label", "planted-beside", "planted-call",
    ] {
      #expect(texts2.contains(text), "\(text)")
    }
    try await expectNothing("planted", in: bench)
  }

  @Test(
    "arguments that were sealed where they stood come back whole, of a begun step and of a call that none has begun")
  func arguments() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    #expect(!claimed.hasSealed)
    let call: JSONValue = ["path": "a", "token": "12345678"]
    try await bench.advance(
      claimed, .start(1, kind: .modelCall),
      .stepEnded(
        StepEnd(
          number: 1,
          outcome: .finished(output: ["tool_calls": [["id": "c", "name": "t", "arguments": call]]], resultHash: "r"))),
      .stepStarted(
        StepStart(
          number: 2, kind: .toolCall, name: "t", effect: .once, input: ["call_id": "c", "arguments": call],
          inputHash: "h")))
    let clear = try await bench.store.clearValues(of: claimed.task.id)
    #expect(clear.revealArguments(ofStep: 2) == call && clear.revealArguments(ofCall: "c", askedForInStep: 1) == call)
    #expect(clear.paths == [])
    #expect(try await bench.row(claimed.task.id).hasSealed)
  }

  @Test("a label with a sensitive name is in no index")
  func labels() async throws {
    let bench = try await TaskStoreBench()
    try await bench.submit(labels: ["api_key": "x", "team": "a"])
    #expect(try await bench.file.count("label") == 1)
    let hidden = TaskQuery(label: TaskQuery.Label(name: "api_key", value: "x"))
    #expect(try await bench.store.tasks(hidden).items.isEmpty)
    #expect(try await bench.store.tasks(TaskQuery(label: TaskQuery.Label(name: "team", value: "a"))).items.count == 1)
  }

  @Test("a member that looks like a sealed value is sealed like one, so that nobody's text is opened")
  func lookAlike() async throws {
    let bench = try await TaskStoreBench()
    let forged: JSONValue = ["a": ["$sealed": "AQEAAAAB"], "b": "$sealed"]
    let id = try await bench.submit(input: forged)[0]
    #expect(try await bench.task(id).input == ["a": "[sealed]", "b": "$sealed"])
    #expect(try await bench.store.clearValues(of: id).reveal(path: "a") == forged["a"])
  }

  @Test("seals are reserved ahead in the commit that uses them, and again when that commit is lost")
  func reservation() async throws {
    let bench = try await TaskStoreBench()
    let rows = bench.sealing.ring.rows
    try await KeyRingStore(file: bench.file).insertFirst(rows)
    func seals() async throws -> Int64 { try await KeyRingStore(file: bench.file).rows()[0].seals }
    try await bench.submit()
    #expect(try await seals() == 0)
    bench.notices.fault.store(1034, ordering: .relaxed)
    await #expect(throws: StoreError.self) { try await bench.submit(input: ["token": "a"]) }
    bench.notices.fault.store(0, ordering: .relaxed)
    try await bench.submit(input: ["token": "a"])
    let reserved = try await seals()
    #expect(reserved > 65_536)
    try await bench.submit(input: ["token": "b"])
    #expect(try await seals() == reserved)
  }

  @Test("a key that has sealed as much as one may refuses what is to be sealed, and nothing else")
  func exhausted() async throws {
    let fixture = try StoreFixture()
    let keys = try TestKeys()
    let first = try await SealingBench(fixture, keys)
    try await first.file.write(.essential) { context in
      try context.db.run("UPDATE key_ring SET seals = ? WHERE id = 1", [KeyRing.mostSeals - 1])
    }
    await first.file.close()
    let bench = try await SealingBench(fixture, keys)
    func submit(_ input: JSONValue) async throws {
      let task = NewTask(id: try bench.store.drawTaskIDs(count: 1)[0], agent: "coder", input: input)
      _ = try await bench.store.submit([task], key: nil, maximumUnfinished: 9, by: .local)
    }
    try await submit(["token": "the last one"])
    await #expect {
      try await submit(["token": "one more"])
    } throws: { error in
      guard let error = error as? StoreError else { return false }
      return error.code == .keyExhausted && !error.leavesOutcomeUnknown && error.detail.contains("key rotate")
    }
    try await submit("nothing to seal")
    #expect(try await bench.file.count("task") == 2)
    #expect(try await bench.traces(of: "one more") == 0)
  }

  @Test("the task's digests and sizes are those of the clear value")
  func sizes() async throws {
    let bench = try await TaskStoreBench()
    let id = try await bench.submit(input: Self.input)[0]
    let head = try #require(try await bench.store.journal(of: id).first).head
    #expect(head["sizes"]?["input"] == JSONValue(Self.input.encoded().count))
  }
}

/// Closes the bench's file, and looks for the text in all that it leaves on disk; the WAL as it was before.
func expectNothing(
  _ text: String, in bench: TaskStoreBench, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  let wal = FileManager.default.contents(atPath: bench.folder.appending("agent.db-wal")) ?? Data()
  await bench.file.close()
  let file = try #require(FileManager.default.contents(atPath: bench.folder.appending("agent.db")))
  for bytes in [wal, file] {
    #expect(bytes.range(of: Data(text.utf8)) == nil, sourceLocation: sourceLocation)
  }
}
