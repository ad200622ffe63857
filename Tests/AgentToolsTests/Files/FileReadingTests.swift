import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

@testable import AgentTools

@Suite("Reading, listing and searching files")
struct FileReadingTests {
  @Test(
    "a range of lines says which of how many it is",
    arguments: [
      ("a\nb\nc\n", nil, nil, "a\nb\nc\n"), ("a\nb\nc\n", 1, 3, "a\nb\nc\n"), ("a\nb\nc\n", 1, 99, "a\nb\nc\n"),
      ("a\nb\nc\n", 2, 2, "b\n[lines 2-2 of 3]"), ("a\nb\nc", 3, nil, "c\n[lines 3-3 of 3]"),
      ("a\nb\nc\n", nil, 2, "a\nb\n[lines 1-2 of 3]"), ("a\n\nc", 2, 2, "\n[lines 2-2 of 3]"),
      ("a\nb\n", 3, nil, "[the file has 2 lines; line 3 is past its end]"), ("", nil, nil, ""),
      ("", 2, nil, "[the file has 0 lines; line 2 is past its end]"), ("\n", nil, nil, "\n"),
    ] as [(String, Int?, Int?, String)])
  func range(text: String, from: Int?, to: Int?, expected: String) async throws {
    let bench = try Bench()
    try bench.put("f", text)
    let outcome = try await bench.call(
      "file.read", ["path": "f", "from_line": JSONValue(from), "to_line": JSONValue(to)])
    #expect(outcome.text == expected)
  }

  @Test("a text of exactly 256 KiB comes whole, a byte more is cut and says so", arguments: [0, 1])
  func cut(extra: Int) async throws {
    let bench = try Bench()
    let line = String(repeating: "x", count: 63) + "\n"
    try bench.put("f", String(repeating: line, count: 4096) + String(repeating: "y", count: extra))
    let text = try await bench.call("file.read", ["path": "f"]).text
    #expect(text.utf8.count <= ToolOutcome.maximumBytes)
    if extra == 0 {
      #expect(text.utf8.count == ToolOutcome.maximumBytes && text.hasSuffix("xx\n"))
    } else {
      #expect(text.hasSuffix("x\n[lines 1-4092 of 4097; cut: 257 more bytes, go on with from_line 4093]"))
      let rest = try await bench.call("file.read", ["path": "f", "from_line": 4093]).text
      #expect(rest == String(repeating: line, count: 4) + "y\n[lines 4093-4097 of 4097]")
    }
  }

  @Test("one line that is longer than the bound is cut at a whole character")
  func longLine() async throws {
    let bench = try Bench()
    try bench.put("f", "a\n" + String(repeating: "é", count: 200_000))
    let text = try await bench.call("file.read", ["path": "f", "from_line": 2]).text
    #expect(text.utf8.count <= ToolOutcome.maximumBytes)
    let shown = text.prefix { $0 == "é" }.utf8.count
    #expect(text.hasSuffix("é\n[line 2 of 2, cut within the line: \(400_000 - shown) more bytes]"))
  }

  @Test("every way to cut a small text at a small bound stays within it and loses nothing unsaid")
  func everyCut() {
    let bytes = Array("eins\nzwei é\n\ndrei\n".utf8) + [UInt8](repeating: 0x2E, count: 600) + Array("\nend".utf8)
    for limit in 241...(bytes.count + 1) {
      let text = FileExcerpt(bytes, limit: limit).text(from: nil, to: nil)
      #expect(text.utf8.count <= limit)
      #expect(text.hasSuffix("]") == (limit < bytes.count), "limit \(limit)")
    }
  }

  @Test("what is no text, not there or no file is refused")
  func refusals() async throws {
    let bench = try Bench()
    try bench.put("nul", [0x61, 0x00])
    try bench.put("bad", [0xFF, 0xFE])
    try bench.put("surrogate", [0xED, 0xA0, 0x80])
    for name in ["nul", "bad", "surrogate"] {
      #expect(try await bench.code("file.read", ["path": .string(name)]) == "file_not_text")
      #expect(try await bench.code("file.search", ["path": .string(name), "pattern": "a"]) == "file_not_text")
    }
    #expect(try await bench.code("file.read", ["path": "gone"]) == "file_not_found")
    #expect(try await bench.code("file.list", ["path": "gone"]) == "file_not_found")
    #expect(try await bench.code("file.search", ["path": "gone", "pattern": "a"]) == "file_not_found")
    #expect(try await bench.code("file.read", ["path": "nul/below"]) == "not_a_folder")
    #expect(try await bench.code("file.list", ["path": "nul"]) == "not_a_folder")
    #expect(try await bench.code("file.read", ["path": "."]) == "not_regular_file")
  }

  @Test(
    "arguments off the schema are refused",
    arguments: [
      ("file.read", ["path": 1]), ("file.read", [:]), ("file.read", ["path": nil]), ("file.read", "f"),
      ("file.read", ["path": "f", "lines": 1]), ("file.read", ["path": "f", "from_line": 0]),
      ("file.read", ["path": "f", "from_line": "1"]), ("file.read", ["path": "f", "from_line": 3, "to_line": 2]),
      ("file.read", ["path": "f", "from_line": .double(1.5)]), ("file.list", [:]), ("file.list", ["path": ["f"]]),
      ("file.search", ["path": "."]), ("file.search", ["pattern": ""]), ("file.search", ["pattern": "a\nb"]),
      ("file.write", ["path": "f"]), ("file.write", ["path": "f", "text": true]),
      ("file.write", ["path": "f", "text": "x", "mode": 511]), ("file.edit", ["path": "f", "old": "a"]),
    ] as [(String, JSONValue)])
  func arguments(name: String, arguments: JSONValue) async throws {
    let bench = try Bench()
    try bench.put("f", "text")
    #expect(try await bench.code(name, arguments) == "tool_arguments_invalid")
    #expect(bench.text("f") == "text")
  }

  @Test("a listing is sorted and shows folders, sizes, links and what no tool opens")
  func list() async throws {
    let bench = try Bench()
    try bench.put("b.txt", "12345")
    try bench.put("a/inner", "")
    try bench.put(".hidden", "")
    try bench.put("esc\u{1B}[1m", "")
    try bench.put(".agent-system-task-1-1-0.part", "unfinished")
    #expect(symlink("/etc", bench.inside("l")) == 0)
    #expect(mkfifo(bench.inside("p"), 0o600) == 0)
    #expect(
      try await bench.call("file.list", ["path": "."]).text
        == ".hidden (0 bytes)\na/\nb.txt (5 bytes)\nesc\\u{1B}[1m (0 bytes)\nl (link)\np (special)")
    #expect(try await bench.call("file.list", ["path": "a/"]).text == "inner (0 bytes)")
    try bench.makeFolder("empty")
    #expect(try await bench.call("file.list", ["path": "empty"]).text == "[the folder is empty]")
  }

  @Test("10,000 entries are listed and searched whole; of one more, both say that it is missing")
  func manyEntries() async throws {
    let bench = try Bench()
    func make(_ number: Int) { close(open(bench.inside("f\(10_000 + number)"), O_CREAT | O_WRONLY, 0o600)) }
    for number in 0..<10_000 { make(number) }
    #expect(try await bench.call("file.list", ["path": "."]).text.split(separator: "\n").count == 10_000)
    let searched = "[no line contains it; files searched: 10000]"
    #expect(try await bench.call("file.search", ["pattern": "x"]).text == searched)
    make(10_000)
    let lines = try await bench.call("file.list", ["path": "."]).text.split(separator: "\n")
    #expect(lines.count == 10_001 && lines.last == "[1 more entries are not shown]")
    #expect(
      try await bench.call("file.search", ["pattern": "x"]).text
        == searched + "\n[stopped after 10000 files; f20000 and what follows was not searched]")
  }

  @Test("lines are shown up to the bound to the byte, and the rest is counted", arguments: [0, 1])
  func lines(extra: Int) {
    var lines = OutputLines(limit: 1000)
    for _ in 0..<9 { lines.append(String(repeating: "x", count: 99)) }
    lines.append(String(repeating: "y", count: 100 + extra))
    let text = lines.text()
    #expect(text.utf8.count <= 1000)
    #expect(text.hasSuffix(extra == 0 ? "yy" : "x\n[cut here: 2 more lines, 202 bytes]"))
  }

  @Test("a search shows path, line and text in order, and what it passed over")
  func search() async throws {
    let bench = try Bench()
    try bench.put("b.txt", "no\nthe needle here\r\nneedle needle\n")
    try bench.put("a/deep/c.txt", "needle")
    try bench.put("bin", Array("needle".utf8) + [0])
    #expect(link(bench.outside("secret.txt"), bench.inside("hard")) == 0)
    let all = try await bench.call("file.search", ["pattern": "needle"]).text
    let note = "[2 files passed over: links, special, binary or over 16 MiB]"
    #expect(all == "a/deep/c.txt:1: needle\nb.txt:2: the needle here\nb.txt:3: needle needle\n\(note)")
    #expect(try await bench.call("file.search", ["pattern": "needle", "path": "a"]).text == "a/deep/c.txt:1: needle")
    #expect(
      try await bench.call("file.search", ["pattern": "the", "path": "b.txt"]).text == "b.txt:2: the needle here")
    #expect(
      try await bench.call("file.search", ["pattern": "Needle", "path": "a"]).text
        == "[no line contains it; files searched: 1]")
    #expect(
      try await bench.call("file.search", ["pattern": "n.*e", "path": "a"]).text
        == "[no line contains it; files searched: 1]")
  }

  @Test("a search stops at 1,000 found lines and says so", arguments: [1000, 1001])
  func manyMatches(count: Int) async throws {
    let bench = try Bench()
    try bench.put("f", String(repeating: "x\n", count: count))
    let lines = try await bench.call("file.search", ["pattern": "x"]).text.split(separator: "\n")
    #expect(lines.filter { $0.hasPrefix("f:") }.count == 1000)
    #expect(lines.contains("[stopped after 1000 found lines; there are more in f]") == (count > 1000))
  }

  @Test("a found line that is very long is shortened, and says by how much")
  func longMatch() async throws {
    let bench = try Bench()
    try bench.put("f", "x" + String(repeating: "é", count: 1000))
    let text = try await bench.call("file.search", ["pattern": "x"]).text
    #expect(text == "f:1: x" + String(repeating: "é", count: 249) + " [+1502 bytes]")
  }

  @Test("a folder deeper than the bound is not searched, and the search says so")
  func deep() async throws {
    let bench = try Bench()
    try bench.put(Array(repeating: "d", count: 66).joined(separator: "/") + "/f", "x")
    #expect(try await bench.call("file.search", ["pattern": "x"]).text.contains("[1 folders could not be opened]"))
  }

  @Test("a search reads 256 MiB, binary or not, and says where it stopped")
  func manyBytes() async throws {
    let bench = try Bench()
    for number in 10...26 {
      try bench.put("f\(number)", "")
      #expect(truncate(bench.inside("f\(number)"), off_t(WorkspaceLimits.fileBytes)) == 0)
    }
    let text = try await bench.call("file.search", ["pattern": "x"]).text
    #expect(text.contains("[stopped after 268435456 bytes; f26 and what follows was not searched]"))
    #expect(text.contains("[16 files passed over"))
  }
}
