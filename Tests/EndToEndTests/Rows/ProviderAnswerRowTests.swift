import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The fault table's rows about answers of providers that are cut, broken, too large or not what was asked for.
@Suite struct ProviderAnswerRowTests {
  @Test(
    "cut in mid-stream, no end mark: `stream_truncated`, tried again, and nothing partial is taken for whole",
    .shows(.providerCut),
    arguments: [
      ProviderFault("cut after an event", fault: ["cut_event": 3], "stream_truncated", calls: 2),
      ProviderFault("cut within an event", fault: ["cut_at": 700], "stream_truncated", calls: 2),
      ProviderFault("reset", fault: ["cut_event": 3, "reset": true], "stream_truncated", calls: 2),
      ProviderFault(
        "ends well, and too soon", reply: ["text": "This is half", "finish": .null, "end": false],
        "stream_truncated", calls: 2),
      ProviderFault(
        "a call without its end", reply: ["calls": [["name": "file.list", "arguments": ["path": "."]]]],
        fault: ["cut_event": 3], "stream_truncated", calls: 2),
    ])
  func cut(fault: ProviderFault) async throws { try await fault.check() }

  @Test("after a cut the next try's answer stands alone", .shows(.providerCut), arguments: WireFormat.allCases)
  func afterCut(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format,
      [
        ProviderSite.rule("go", times: 1, ["text": "First half of it"], fault: ["cut_event": 4]),
        ["reply": ["text": "Second, whole."]],
      ])
    let task = try await site.run("go")
    #expect(task["output"]?["text"] == "Second, whole.", "\(task.text)")
    let steps = try await site.steps(task)
    #expect(steps.count == 1 && steps.first?["attempt"] == 2, "\(steps)")
  }

  @Test(
    "an error object inside a 200 stream, with or without an end mark: `provider_error`, tried again",
    .shows(.providerStreamError),
    arguments: [
      ProviderFault(
        "no end mark", fault: ["stream_error": ["after": 3, "error": ["message": "broke"]]], "provider_error",
        calls: 2),
      ProviderFault(
        "an end mark", fault: ["stream_error": ["after": 3, "error": ["message": "broke"], "end": true]],
        "provider_error", calls: 2),
      ProviderFault(
        "at once", fault: ["stream_error": ["after": 0, "error": ["message": "broke"]]], "provider_error", calls: 2),
      ProviderFault(
        "a number for a code", fault: ["stream_error": ["after": 3, "error": ["code": 500, "message": "broke"]]],
        "provider_error", calls: 2),
      ProviderFault(
        "in a field of its own",
        fault: [
          "stream_error": ["after": 3, "error": ["code": 500, "message": "broke"], "as_field": true, "end": true]
        ],
        "provider_error", calls: 2),
      ProviderFault(
        "as the body of a 200", fault: ["error_in_200": ["type": "server_error", "message": "broke"]],
        "provider_error", calls: 2),
    ])
  func streamErrors(fault: ProviderFault) async throws { try await fault.check() }

  @Test(
    "an error in the stream maps by its type like a status", .shows(.providerStreamError),
    arguments: [
      ProviderFault(
        "too long",
        fault: ["stream_error": ["after": 2, "error": ["type": "exceed_context_size_error"], "as_field": true]],
        "context_too_long", calls: 1),
      ProviderFault(
        "overloaded", fault: ["stream_error": ["after": 2, "error": ["type": "overloaded_error"]]], "provider_error",
        calls: 2),
      ProviderFault(
        "invalid", fault: ["stream_error": ["after": 2, "error": ["type": "invalid_request_error", "code": .null]]],
        "provider_rejected", calls: 1),
    ])
  func mappedErrors(fault: ProviderFault) async throws { try await fault.check() }

  @Test(
    "a tool call cut by length: `truncated`, and no half of a call runs", .shows(.providerStreamError),
    arguments: WireFormat.allCases)
  func cutCall(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format,
      [
        ProviderSite.rule(
          "go",
          [
            "calls": [["name": "file.write", "arguments": "{\"path\": \"a.txt\", \"text\": \"half of"]],
            "finish": .string(format == .openai ? "length" : "max_tokens"),
          ])
      ])
    let task = try await site.run("go")
    #expect(task["error"]?["code"] == "truncated", "\(task.text)")
    let found = try await site.steps(task)
    #expect(found.allSatisfy { $0["kind"] == "model_call" })
    #expect(try site.double.calls().count == 1)
  }

  @Test(
    "arguments that are no JSON are mended before they are sent back, and the model is told",
    .shows(.providerStreamError), .shows(.providerArguments), arguments: WireFormat.allCases)
  func mendedArguments(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format,
      [
        ProviderSite.calling("go", [ProviderSite.call("file.write", "{\"path\": \"a.txt\", \"text\": unquoted}")]),
        ProviderSite.calling("go", turn: 2, [ProviderSite.call("file.write", ["path": "a.txt"])]),
        ProviderSite.saysDone,
      ])
    let task = try await site.run("go")
    #expect(task["status"] == "completed", "\(task.text), \(site.double.told)")
    let calls = try site.double.calls()
    // The double refuses arguments that no JSON reader takes, as llama.cpp does.
    #expect(calls.count == 3 && calls.allSatisfy { $0.refused == nil }, "\(calls.map(\.line.text))")
    let results = format.results(in: calls.last?.body ?? .null)
    #expect(results.count == 2 && results.allSatisfy { $0.text.contains("tool_arguments_invalid") }, "\(results)")
    let found = try await site.steps(task).filter { $0["kind"] == "tool_call" }
    #expect(found.allSatisfy { $0["status"] == "failed" })
  }

  @Test(
    "bad arguments three answers in a row fail the task", .shows(.providerArguments), arguments: WireFormat.allCases)
  func thirdInARow(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format, [ProviderSite.rule("go", ["calls": [["name": "file.read", "arguments": "{broken"]]])])
    let task = try await site.run("go")
    #expect(task["error"]?["code"] == "tool_arguments_invalid", "\(task.text)")
    #expect(try site.double.calls().count == 3)
  }

  @Test(
    "wrong type, HTML, malformed JSON or event: `provider_malformed`, and no body in the error",
    .shows(.providerMalformed),
    arguments: [
      ProviderFault("wrong type", fault: ["content_type": "text/plain"], "provider_malformed", calls: 1),
      ProviderFault("a page", fault: ["html": true], "provider_malformed", calls: 1),
      ProviderFault("no JSON", fault: ["malformed": "{\"sk-secret\": "], "provider_malformed", calls: 1),
      ProviderFault("another JSON", fault: ["malformed": "[\"sk-secret\"]"], "provider_malformed", calls: 1),
      ProviderFault(
        "an event that is no JSON", fault: ["malformed_event": ["after": 2, "text": "{sk-secret"]],
        "provider_malformed", calls: 1),
      ProviderFault("an unknown reason", reply: ["text": "Hm", "finish": "bored"], "provider_malformed", calls: 1),
      ProviderFault(
        "too many calls",
        reply: ["calls": .array(Array(repeating: ["name": "file.list", "arguments": ["path": "."]], count: 129))],
        "provider_malformed", calls: 1),
    ])
  func malformed(fault: ProviderFault) async throws { try await fault.check() }

  @Test(
    "an answer however deep leaves rows that can be read: taken up to 64 levels, `provider_malformed` beyond",
    .shows(.providerMalformed), arguments: WireFormat.allCases)
  func deep(format: WireFormat) async throws {
    // One at a time: each is read before the next could hide what it did.
    let levels = [60, 66, 90, 120, 126, 128, 140]
    let rules = levels.map { count in
      let lists = String(repeating: "[", count: count) + String(repeating: "]", count: count)
      let event =
        format == .openai
        ? #"{"choices":[],"more":\#(lists)}"#
        : #"{"type":"content_block_start","index":7,"content_block":{"type":"more","more":\#(lists)}}"#
      return ProviderSite.rule(
        "deep \(count).", ["text": "Fine."], fault: ["malformed_event": ["after": 2, "text": .string(event)]])
    }
    let site = try await ProviderSite(format, rules)
    for count in levels {
      let id = try await site.create("deep \(count).")
      let task = try await site.service.ended(id)
      let code = task["error"]?["code"]?.stringValue
      #expect(code == (count > 64 ? "provider_malformed" : nil), "\(count): \(task.text)")
      let steps = try await site.service.send("GET", "/api/tasks/\(id)/steps")
      #expect(steps.status == 200, "\(count): \(steps.text)")
      #expect(steps.text.contains(String(repeating: "[", count: 60)) == (count <= 64), "\(count)")
      // All rows so far, of this task and of those before.
      var reader = try await site.service.events("/api/events?after=0")
      var last: String?
      while last != id, let event = try await reader.next() {
        if ["task.completed", "task.failed"].contains(event.name) {
          last = try JSONValue(stored: event.data.utf8)["task"]?.stringValue
        }
      }
      #expect(last == id)
    }
    #expect(!site.log.contains("database_corrupt"))
  }

  @Test(
    "more than `max_response`, a line over 1 MiB, a bomb: `provider_too_large`, and memory stays",
    .shows(.providerTooLarge),
    arguments: [
      ProviderFault(
        "over max_response", fault: ["bytes": 400_000], "provider_too_large", calls: 1,
        provider: ["max_response": "256KiB"]),
      ProviderFault("over 16 MiB", fault: ["bytes": 20_000_000], "provider_too_large", calls: 1),
      ProviderFault("one line", fault: ["line": 1_200_000], "provider_too_large", calls: 1),
      ProviderFault("a bomb", fault: ["bomb": 64_000_000], "provider_too_large", calls: 1),
      ProviderFault("millions of numbers", fault: ["values": 15_000_000], "provider_too_large", calls: 1),
    ])
  func tooLarge(fault: ProviderFault) async throws {
    // One that is below `max_response` is held whole, and once more while it is read.
    let most = (fault.fault?["values"] == nil ? 20 : 56) << 20
    try await fault.check { site, _ in
      let before = try site.service.residentBytes()
      try site.service.forgetPeak()
      for _ in 0..<3 { _ = try await site.run("go") }
      let (peak, after) = (try site.service.peakBytes(), try site.service.residentBytes())
      #expect(after - before < 20 << 20, "\(fault.name): \(before) to \(after)")
      #expect(peak - before < most, "\(fault.name): \(before), at most \(peak)")
    }
  }

  @Test("twelve answers of millions of numbers at once take no more than they are long", .shows(.providerTooLarge))
  func manyTooLarge() async throws {
    let (count, bytes) = (12, 15_000_000)
    let site = try await ProviderSite(
      .openai, [ProviderSite.rule("go", ["text": "x"], fault: ["values": JSONValue(bytes)])],
      agent: ["concurrency": JSONValue(count)])
    _ = try await site.run("go")
    let before = try site.service.residentBytes()
    try site.service.forgetPeak()
    var ids: [String] = []
    for _ in 0..<count { ids.append(try await site.create("go")) }
    for id in ids { #expect(try await site.service.ended(id)["error"]?["code"] == "provider_too_large") }
    let grown = try site.service.peakBytes() - before
    #expect(grown < count * bytes + (64 << 20), "\(grown)")
  }

  @Test("a call of a tool whose name holds NUL is one of a tool that there is none of", arguments: WireFormat.allCases)
  func nulName(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format,
      [ProviderSite.rule("go", turn: 1, ["calls": [["name": "q\u{0}", "arguments": [:]]]]), ProviderSite.saysDone])
    let task = try await site.run("go")
    #expect(task["status"] == "completed", "\(task.text)")
    // Callers' JSON may not hold NUL, so it is not read here as such.
    let steps = try await site.service.send("GET", "/api/tasks/\(task["id"]?.stringValue ?? "")/steps")
    #expect(steps.status == 200 && steps.text.contains("tool_unknown"), "\(steps.text)")
    #expect(steps.text.contains(#""name":"q\u0000""#), "\(steps.text)")
  }

  @Test(
    "an answer in pieces of one byte, and one that is parted at any place, is the same answer",
    .shows(.providerSplit), arguments: WireFormat.allCases)
  func split(format: WireFormat) async throws {
    let reply: JSONValue = [
      "text": "Grüße 🙂, one.", "calls": [["name": "file.list", "arguments": ["path": "."]]],
      "usage": ["input": 31, "output": 17],
    ]
    let places = [1, 2, 3, 5, 6, 7, 8] + stride(from: 9, to: 2200, by: 23)
    let faults: [JSONValue] = [[:], ["fragment": 1], ["fragment": 7], ["crlf": true], ["crlf": true, "fragment": 1]]
    let rules = (faults + places.map { ["split_at": JSONValue($0)] }).enumerated().map { number, fault in
      ProviderSite.rule("no. \(number).", turn: 1, reply, fault: fault)
    }
    let site = try await ProviderSite(format, rules + [ProviderSite.saysDone])
    var ids: [String] = []
    for number in rules.indices { ids.append(try await site.create("no. \(number).")) }
    var seen: Set<String> = []
    for id in ids {
      let task = try await site.service.ended(id)
      #expect(task["status"] == "completed", "\(task.text)")
      let step = try await site.service.steps(id).first ?? .null
      let calls = step["output"]?["tool_calls"]?.arrayValue ?? []
      seen.insert(
        "\(step["output"]?["text"]?.text ?? "") \(calls.map { $0["arguments"]?.text }) \(step["usage"]?.text ?? "")")
    }
    #expect(seen.count == 1 && seen.first?.contains("Grüße 🙂, one.") == true, "\(seen)")
  }

  @Test(
    "ids of calls that are doubled, empty or missing are given anew in order, and no results are mixed",
    .shows(.providerCallIDs), arguments: WireFormat.allCases, ["doubled", "empty", "missing"])
  func callIDs(format: WireFormat, kind: String) async throws {
    let id: JSONValue = ["doubled": "same", "empty": "", "missing": .null][kind] ?? .null
    let files = ["one", "two", "three"]
    let calls = files.map { ProviderSite.call("file.read", ["path": .string("\($0).txt")], ["id": id]) }
    let site = try await ProviderSite(format, [ProviderSite.calling("go", calls), ProviderSite.saysDone])
    let task = try await site.run(
      "go", ["files": .array(files.map { ["path": .string("\($0).txt"), "text": .string("this is \($0)")] })])
    #expect(task["status"] == "completed", "\(task.text), \(site.double.told)")
    let last = try #require(try site.double.calls().last)
    let results = format.results(in: last.body)
    #expect(last.refused == nil && Set(results.map(\.id)).count == 3, "\(results)")
    #expect(zip(files, results).allSatisfy { $1.text.contains("this is \($0)") }, "\(results)")
  }

  @Test(
    "an unknown tool and a forbidden one: the model is told `tool_unknown`, `tool_forbidden`, and nothing happens",
    .shows(.providerTools), arguments: WireFormat.allCases)
  func tools(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format,
      [
        ProviderSite.calling(
          "go",
          [
            ProviderSite.call("file.shred", ["path": "a.txt"]),
            ProviderSite.call("file.write", ["path": "b.txt", "text": "x"]),
          ]), ProviderSite.saysDone,
      ], agent: ["tools": ["file.read"]])
    let task = try await site.run("go", ["files": [["path": "a.txt", "text": "stays"]]])
    #expect(task["status"] == "completed", "\(task.text)")
    let results = format.results(in: try #require(try site.double.calls().last).body)
    #expect(results.first?.text.contains("tool_unknown") == true, "\(results)")
    #expect(results.last?.text.contains("tool_forbidden") == true, "\(results)")
    let id = task["id"]?.stringValue ?? ""
    #expect(try await site.service.send("GET", "/api/tasks/\(id)/files/b.txt").status == 404)
    #expect(try await site.service.send("GET", "/api/tasks/\(id)/files/a.txt").text == "stays")
  }

  @Test("endless calls: `step_limit`", .shows(.providerEndless), arguments: WireFormat.allCases)
  func endless(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format, [ProviderSite.rule("go", ["calls": [["name": "file.list", "arguments": ["path": "."]]]])],
      agent: ["limits": ["steps": 8]])
    let task = try await site.run("go")
    #expect(task["error"]?["code"] == "step_limit", "\(task.text)")
    #expect(try site.double.calls().count == 4)
  }

  @Test(
    "no choices: `provider_empty`, tried again; refusal: `refused`; cut by length: `truncated`", .shows(.providerEmpty),
    arguments: [
      ProviderFault("no choices", reply: ["no_choices": true], "provider_empty", calls: 2),
      ProviderFault("no words", reply: ["text": ""], "provider_empty", calls: 2),
      ProviderFault("a refusal", reply: ["refusal": "I can't help with that."], "refused", calls: 1),
      ProviderFault(
        "a content filter", reply: ["text": "Well", "finish": "content_filter"], "refused", calls: 1,
        formats: [.openai]),
      ProviderFault(
        "length", reply: ["text": "Half an", "finish": "length"], "truncated", calls: 1, formats: [.openai]),
      ProviderFault(
        "length", reply: ["text": "Half an", "finish": "max_tokens"], "truncated", calls: 1, formats: [.anthropic]),
      ProviderFault(
        "the window", reply: ["text": "Half an", "finish": "model_context_window_exceeded"], "truncated", calls: 1,
        formats: [.anthropic]),
    ])
  func empty(fault: ProviderFault) async throws { try await fault.check() }

  @Test(
    "usage missing, negative, absurd: our own count, `estimated`, never free", .shows(.providerUsage),
    arguments: WireFormat.allCases)
  func usage(format: WireFormat) async throws {
    let names = format == .openai ? ("prompt_tokens", "completion_tokens") : ("input_tokens", "output_tokens")
    func raw(_ input: JSONValue, _ output: JSONValue) -> JSONValue { ["raw": [names.0: input, names.1: output]] }
    let cases: [(usage: JSONValue, isEstimated: Bool)] = [
      (.null, true), (raw(-5, 7), true), (raw(9_000_000_000, 7), true), (raw("12", 7), true), (raw(12, 0), true),
      (raw(.double(1.5), 7), true), (raw(12, 7), false),
    ]
    let rules = cases.enumerated().map { number, entry in
      ProviderSite.rule("no. \(number).", ["text": "A short answer.", "usage": entry.usage])
    }
    let site = try await ProviderSite(format, rules)
    for (number, entry) in cases.enumerated() {
      let task = try await site.run("no. \(number).")
      let usage = try await site.steps(task).first?["usage"] ?? .null
      #expect(usage["estimated"]?.boolValue == entry.isEstimated, "\(entry.usage.text): \(usage.text), \(task.text)")
      let (input, output) = (usage["input_tokens"]?.integerValue ?? 0, usage["output_tokens"]?.integerValue ?? 0)
      #expect(input > 0 && input < 100_000 && output > 0 && output < 100_000, "\(usage.text)")
      #expect(task["usage"]?["input_tokens"]?.integerValue == input, "\(task.text)")
    }
  }
}
