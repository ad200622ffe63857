/// One event of a `text/event-stream`.
package struct ServerSentEvent: Sendable, Hashable {
  /// `message` where the stream names none.
  package var name: String
  /// Its `data` lines, joined by line feeds.
  package var data: String
  /// The last `id` up to and with this event; empty before the first.
  package var lastEventID: String
  /// False where its data was not UTF-8: U+FFFD stands in `data` for what was not.
  package var isText: Bool

  package init(name: String = "message", data: String, lastEventID: String = "", isText: Bool = true) {
    (self.name, self.data, self.lastEventID, self.isText) = (name, data, lastEventID, isText)
  }
}

/// Why a stream of events cannot be read on.
package enum EventStreamError: Error, Sendable, Hashable {
  /// A line longer than `EventStreamParser.maximumLineBytes`.
  case lineTooLong
  /// An event whose lines together are longer than `EventStreamParser.maximumEventBytes`.
  case eventTooLong
}

/// Reads server-sent events (WHATWG HTML, section 9.2.6) from bytes that arrive in pieces; however the bytes are cut,
/// the events are the same. A block that the stream's end cuts off is no event.
package struct EventStreamParser: Sendable {
  /// Far above every honest line, small beside the memory of one transfer.
  package static let maximumLineBytes = 1024 * 1024
  /// As much as a whole answer of a provider may have.
  package static let maximumEventBytes = 16 * 1024 * 1024

  /// The id to resume from (`Last-Event-ID`): of the last finished block, one without data included.
  package private(set) var lastEventID = ""
  /// What the stream asked readers to wait before they connect again.
  package private(set) var retry: Duration?

  private var line: [UInt8] = []
  private var skipsLineFeed = false
  private var isAtStart = true
  private var eventID = ""
  private var name = ""
  private var data: [UInt8] = []

  private let readsErrorLines: Bool

  /// `readsErrorLines`: a field `error`, which the standard does not have, is the data of an event of that name. Some
  /// versions of llama.cpp's server end a stream so.
  package init(readsErrorLines: Bool = false) { self.readsErrorLines = readsErrorLines }

  /// Takes the next bytes and returns the events that they complete. After an error the parser is of no further use.
  package mutating func consume(_ bytes: some Collection<UInt8>) throws(EventStreamError) -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    var rest = Array(bytes)[...]
    while let first = rest.first {
      if skipsLineFeed {
        skipsLineFeed = false
        if first == 0x0A {
          rest = rest.dropFirst()
          continue
        }
      }
      guard let end = rest.firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) else {
        try extendLine(by: rest)
        break
      }
      try extendLine(by: rest[..<end])
      skipsLineFeed = rest[end] == 0x0D
      rest = rest[(end + 1)...]
      if let event = try finishLine() { events.append(event) }
    }
    return events
  }

  private mutating func extendLine(by bytes: ArraySlice<UInt8>) throws(EventStreamError) {
    guard line.count + bytes.count <= Self.maximumLineBytes else { throw .lineTooLong }
    line.append(contentsOf: bytes)
  }

  private mutating func finishLine() throws(EventStreamError) -> ServerSentEvent? {
    defer { line.removeAll(keepingCapacity: true) }
    if isAtStart {
      isAtStart = false
      if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
    }
    guard let first = line.first else { return dispatch() }
    if first == UInt8(ascii: ":") { return nil }
    let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
    var value = line[colon...].dropFirst()
    if value.first == 0x20 { value = value.dropFirst() }
    try setField(String(decoding: line[..<colon], as: UTF8.self), value)
    return nil
  }

  private mutating func setField(_ field: String, _ value: ArraySlice<UInt8>) throws(EventStreamError) {
    switch field {
    case "data",
      "error" where readsErrorLines:
      if field == "error" { name = "error" }
      guard data.count + value.count < Self.maximumEventBytes else { throw .eventTooLong }
      data.append(contentsOf: value)
      data.append(0x0A)
    case "event": name = String(decoding: value, as: UTF8.self)
    case "id": if !value.contains(0) { eventID = String(decoding: value, as: UTF8.self) }
    case "retry":
      guard !value.isEmpty, value.allSatisfy({ (48...57).contains($0) }) else { return }
      // A number past 64 bits is as good as none.
      if let milliseconds = Int64(String(decoding: value, as: UTF8.self)) { retry = .milliseconds(milliseconds) }
    default: break
    }
  }

  private mutating func dispatch() -> ServerSentEvent? {
    lastEventID = eventID
    defer { (name, data) = ("", []) }
    guard !data.isEmpty else { return nil }
    let bytes = data.dropLast()
    let text = String(validating: bytes, as: UTF8.self)
    return ServerSentEvent(
      name: name.isEmpty ? "message" : name, data: text ?? String(decoding: bytes, as: UTF8.self),
      lastEventID: lastEventID, isText: text != nil)
  }
}
