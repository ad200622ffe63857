import AgentTestKit
import HTTPTransport
import Testing

@Suite struct EventStreamParserTests {
  private func events(_ pieces: [[UInt8]]) throws -> [ServerSentEvent] {
    var parser = EventStreamParser()
    return try pieces.flatMap { try parser.consume($0) }
  }

  static let streams: [(String, [ServerSentEvent])] = [
    ("data: one\n\ndata:two\r\n\r\ndata:  three\r\r", [.init(data: "one"), .init(data: "two"), .init(data: " three")]),
    ("\u{FEFF}data: a\ndata: b\ndata\n\n", [.init(data: "a\nb\n")]),
    (": a comment\n\n:\n\nid: 7\n\nevent: x\n\ndata: y\n\n", [.init(data: "y", lastEventID: "7")]),
    (
      "event: added\nid: 12\ndata: {\"a\":\"ü 漢\"}\n\n",
      [.init(name: "added", data: "{\"a\":\"ü 漢\"}", lastEventID: "12")]
    ),
    (
      "id: 1\ndata: x\n\nid\ndata: y\n\nid: a\u{0}b\ndata: z\n\n",
      [.init(data: "x", lastEventID: "1"), .init(data: "y"), .init(data: "z")]
    ),
    ("data\n\ndata\ndata\n\ndata:", [.init(data: ""), .init(data: "\n")]),
    (
      "data: a\r\n\rdata: b\n\r\n: \u{FEFF}\nunknown: q\nDATA: no\ndata : no\ndata: c\r\r\n",
      [.init(data: "a"), .init(data: "b"), .init(data: "c")]
    ),
    ("data: cut off\nid: 9", []),
    ("data: a\n\u{FEFF}data: b\n\n", [.init(data: "a")]),
  ]

  @Test("a stream gives its events", arguments: streams)
  func parses(text: String, expected: [ServerSentEvent]) throws {
    #expect(try events([Array(text.utf8)]) == expected)
  }

  @Test("a field `error` is an event of that name for readers who want it, and nothing for others")
  func errorLines() throws {
    let bytes = Array("data: a\n\nerror: {\"code\":500}\n\ndata: b\n\n".utf8)
    var parser = EventStreamParser(readsErrorLines: true)
    #expect(
      try parser.consume(bytes) == [.init(data: "a"), .init(name: "error", data: "{\"code\":500}"), .init(data: "b")])
    #expect(try events([bytes]) == [.init(data: "a"), .init(data: "b")])
  }

  @Test("cut at any byte a stream gives the same events", arguments: streams)
  func everySplit(text: String, expected: [ServerSentEvent]) throws {
    let bytes = Array(text.utf8)
    for first in 0...bytes.count {
      #expect(try events([Array(bytes[..<first]), Array(bytes[first...])]) == expected, "cut at \(first)")
    }
    #expect(try events(bytes.map { [$0] }) == expected, "byte by byte")
  }

  @Test("cut at random places a stream gives the same events", arguments: [1, 2, 3] as [UInt64])
  func randomSplits(seed: UInt64) throws {
    let random = SeededRandom(seed: seed)
    let text = Self.streams.dropLast(2).filter { $0.0.hasSuffix("\n") }.map(\.0).joined()
    let bytes = Array(text.utf8)
    let whole = try events([bytes])
    #expect(whole.count > 4)
    for _ in 0..<200 {
      var pieces: [[UInt8]] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = rest.prefix(Int(random.next() % 9))
        pieces.append(Array(piece))
        rest = rest.dropFirst(piece.count)
      }
      #expect(try events(pieces) == whole, "seed \(seed)")
    }
  }

  @Test("a block with an id alone moves the place to resume from, and retry is read") func resumePoint() throws {
    var parser = EventStreamParser()
    #expect(try parser.consume(Array("id: 41\n".utf8)) == [])
    #expect(parser.lastEventID == "")
    #expect(try parser.consume(Array("retry: 1500\nretry: x\nretry:\n\n".utf8)) == [])
    #expect(parser.lastEventID == "41")
    #expect(parser.retry == .milliseconds(1500))
  }

  @Test("a line of 1 MiB passes and a longer one does not") func lineBound() throws {
    let most = Array("data: ".utf8) + Array(repeating: 0x61, count: EventStreamParser.maximumLineBytes - 6)
    var parser = EventStreamParser()
    #expect(try parser.consume(most + [0x0A, 0x0A]).first?.data.utf8.count == most.count - 6)
    #expect(throws: EventStreamError.lineTooLong) {
      var parser = EventStreamParser()
      _ = try parser.consume(most)
      _ = try parser.consume([0x61])
    }
  }

  @Test("an event of many lines has a bound too") func eventBound() throws {
    let line = Array("data:".utf8) + Array(repeating: 0x61, count: EventStreamParser.maximumLineBytes - 5) + [0x0A]
    var parser = EventStreamParser()
    let most = EventStreamParser.maximumEventBytes / EventStreamParser.maximumLineBytes
    for _ in 0..<most { _ = try parser.consume(line) }
    #expect(throws: EventStreamError.eventTooLong) { _ = try parser.consume(line) }
  }

  @Test("an event whose data is not UTF-8 says so, and the next one is text again") func invalidText() throws {
    let bytes = "data: a\u{1}b\n\ndata: ü\n\n: \u{1}\n\n".utf8.map { $0 == 1 ? 0xFF : $0 }
    #expect(
      try events(bytes.map { [$0] }) == [
        ServerSentEvent(data: "a\u{FFFD}b", isText: false), ServerSentEvent(data: "ü"),
      ])
  }
}
