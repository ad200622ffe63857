/// Takes the sealed values of a task out of what tools, models and errors say: an echo, a redirect's `Location`, a file
/// read back would carry them on otherwise. `[sealed]` stands in their place.
///
/// Found as a whole alone, in each form of `SecretForms`, any of its characters percent-encoded or not
/// (`PercentReading`); values below 8 bytes are not looked for, for they stand in many a word. A filter that was given
/// more values than it can look for shows `[sealed]` for everything. Every way to text shows nothing of it.
package struct SealedFilter: Sendable {
  /// Shorter values are no needles.
  package static let shortestBytes = 8
  /// Values that one task's filter looks for: an answer may hold any number of them, and each has some twenty forms, so
  /// that these take some 10 MiB.
  package static let maximumValues = 2000
  /// All needles have more bytes.
  private static let headBytes = 4

  private var needles: [[UInt8]] = []
  /// Places in `needles` by their first four bytes, the longest first.
  private var byHead: [UInt32: [Int]] = [:]
  private var firstBytes = [Bool](repeating: false, count: 256)
  private var known: Set<[UInt8]> = []
  /// Bytes of the longest needle.
  private var longestNeedle = 0
  private var hasSpace = false
  /// The most bytes that one of the values takes in any form.
  package private(set) var longest = 0
  /// It was given more than `maximumValues`.
  package private(set) var isOverfull = false

  package init(_ secrets: [Secret] = []) { add(secrets) }

  package var isEmpty: Bool { needles.isEmpty }

  package mutating func add(_ secrets: [Secret]) {
    for secret in secrets {
      let text = secret.reveal()
      guard Self.looksFor(text), !known.contains(Array(text.utf8)) else { continue }
      guard known.count < Self.maximumValues else {
        isOverfull = true
        return
      }
      known.insert(Array(text.utf8))
      longest = max(longest, PercentReading.longestUnit * text.utf8.count)
      for form in SecretForms.all(of: text) { add(form) }
    }
  }

  /// How many of these texts, each counted once, a filter looks for.
  package static func count(of values: [JSONValue]) -> Int { Set(values.flatMap(\.leafTexts).filter(looksFor)).count }

  private static func looksFor(_ text: String) -> Bool {
    text.utf8.count >= shortestBytes && text != SealedMember.placeholder
  }

  private mutating func add(_ needle: [UInt8]) {
    let place = needles.count
    needles.append(needle)
    firstBytes[Int(needle[0])] = true
    longestNeedle = max(longestNeedle, needle.count)
    longest = max(longest, needle.count)
    if needle.contains(UInt8(ascii: " ")) { hasSpace = true }
    var places = byHead[Self.head(needle, 0)] ?? []
    let index = places.firstIndex { needles[$0].count < needle.count } ?? places.endIndex
    places.insert(place, at: index)
    byHead[Self.head(needle, 0)] = places
  }

  /// The text without any of them.
  package func filtered(_ text: String) -> String {
    guard !isOverfull else { return text.isEmpty ? text : SealedMember.placeholder }
    guard !needles.isEmpty else { return text }
    let bytes = Array(text.utf8)
    let hidden = matches(in: bytes)
    return hidden.isEmpty ? text : String(decoding: Self.shown(bytes, without: hidden), as: UTF8.self)
  }

  /// The same of bytes that may be no text.
  package func filtered(_ bytes: [UInt8]) -> [UInt8] {
    guard !isOverfull else { return bytes.isEmpty ? bytes : Array(SealedMember.placeholder.utf8) }
    guard !needles.isEmpty else { return bytes }
    let hidden = matches(in: bytes)
    return hidden.isEmpty ? bytes : Self.shown(bytes, without: hidden)
  }

  /// The value with every string in it filtered, names of members too.
  package func filtered(_ value: JSONValue) -> JSONValue {
    guard !isOverfull else { return .string(SealedMember.placeholder) }
    guard !needles.isEmpty else { return value }
    switch value {
    case .string(let text): return .string(filtered(text))
    case .array(let items): return .array(items.map { filtered($0) })
    case .object(let members):
      var result: [String: JSONValue] = [:]
      for (name, value) in members { result[filtered(name)] = filtered(value) }
      return .object(result)
    case .integer, .double:
      // A number that is one of them has no other way to say so.
      let text = value.text
      return filtered(text) == text ? value : .string(SealedMember.placeholder)
    case .null, .bool: return value
    }
  }

  package func filtered(_ failure: Failure) -> Failure {
    var failure = failure
    failure.detail = filtered(failure.detail)
    return failure
  }

  /// The text up to the first of them; nil where none stands in it.
  package func beginning(of text: String) -> String? {
    let bytes = Array(text.utf8)
    return matches(in: bytes).first.map { String(decoding: bytes[..<$0.lowerBound], as: UTF8.self) }
  }

  /// Where they stand, ascending, what touches or overlaps joined.
  func matches(in bytes: [UInt8]) -> [Range<Int>] {
    guard bytes.count >= Self.headBytes else { return [] }
    var found: [Range<Int>] = []
    for start in 0...(bytes.count - Self.headBytes) where firstBytes[Int(bytes[start])] {
      guard let places = byHead[Self.head(bytes, start)],
        let place = places.first(where: { Self.stands(needles[$0], in: bytes, at: start) })
      else { continue }
      Self.join(start..<(start + needles[place].count), to: &found)
    }
    let encoded = PercentReading.all(of: bytes, readingPlus: hasSpace).flatMap { matches(in: bytes, by: $0) }
    guard !encoded.isEmpty else { return found }
    return (found + encoded).sorted { $0.lowerBound < $1.lowerBound }
      .reduce(into: []) { joined, range in Self.join(range, to: &joined) }
  }

  /// Those in which something is encoded: what is not was found as it stands.
  private func matches(in bytes: [UInt8], by reading: PercentReading) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var start = 0
    while let place = reading.nextEscape(in: bytes, from: start) {
      // A needle takes at most so many bytes up to here, each of them encoded or not.
      start = max(start, place - longestNeedle * PercentReading.longestUnit)
      while start <= place {
        if let end = end(ofNeedleAt: start, in: bytes, by: reading) { Self.join(start..<end, to: &found) }
        start += 1
      }
    }
    return found
  }

  private func end(ofNeedleAt start: Int, in bytes: [UInt8], by reading: PercentReading) -> Int? {
    guard firstBytes[Int(reading.unit(bytes, start).byte)], let head = head(bytes, start, by: reading),
      let places = byHead[head]
    else { return nil }
    for place in places where needles[place].count <= bytes.count - start {
      if case .whole(let end) = reading.find(needles[place], in: bytes, at: start) { return end }
    }
    return nil
  }

  /// Where the end of these bytes may be the beginning of a needle; their count where it cannot.
  func openEnd(of bytes: [UInt8]) -> Int {
    guard !needles.isEmpty else { return bytes.count }
    var open = bytes.count
    for start in max(0, bytes.count - longestNeedle + 1)..<bytes.count where firstBytes[Int(bytes[start])] {
      let rest = bytes.count - start
      let places = rest < Self.headBytes ? Array(needles.indices) : byHead[Self.head(bytes, start)] ?? []
      let isOpen = places.contains { place in
        needles[place].count > rest && needles[place].prefix(rest).elementsEqual(bytes[start...])
      }
      if isOpen {
        open = start
        break
      }
    }
    for reading in PercentReading.all(ofPiece: bytes, readingPlus: hasSpace) {
      let first = max(0, bytes.count - longestNeedle * PercentReading.longestUnit)
      open = (first..<max(first, open)).first { isOpen(bytes, from: $0, by: reading) } ?? open
    }
    return open
  }

  private func isOpen(_ bytes: [UInt8], from start: Int, by reading: PercentReading) -> Bool {
    // Any byte may come of an escape that has not ended.
    if reading.isTorn(bytes, start) { return true }
    guard firstBytes[Int(reading.unit(bytes, start).byte)] else { return false }
    let places = head(bytes, start, by: reading).map { byHead[$0] ?? [] } ?? Array(needles.indices)
    return places.contains { place in
      if case .begun = reading.find(needles[place], in: bytes, at: start) { true } else { false }
    }
  }

  /// Nil where the text ends before it, or within an escape of it.
  private func head(_ bytes: [UInt8], _ start: Int, by reading: PercentReading) -> UInt32? {
    var (head, position): (UInt32, Int) = (0, start)
    for _ in 0..<Self.headBytes {
      guard position < bytes.count, !reading.isTorn(bytes, position) else { return nil }
      let unit = reading.unit(bytes, position)
      (head, position) = (head << 8 | UInt32(unit.byte), unit.next)
    }
    return head
  }

  private static func join(_ range: Range<Int>, to found: inout [Range<Int>]) {
    if let last = found.last, last.upperBound >= range.lowerBound {
      found[found.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
    } else {
      found.append(range)
    }
  }

  static func shown(_ bytes: [UInt8], without hidden: [Range<Int>]) -> [UInt8] {
    var result: [UInt8] = []
    var position = 0
    for range in hidden {
      result += bytes[position..<range.lowerBound]
      result += SealedMember.placeholder.utf8
      position = range.upperBound
    }
    return result + bytes[position...]
  }

  private static func head(_ bytes: [UInt8], _ start: Int) -> UInt32 {
    (0..<headBytes).reduce(0) { $0 << 8 | UInt32(bytes[start + $1]) }
  }

  private static func stands(_ needle: [UInt8], in bytes: [UInt8], at start: Int) -> Bool {
    // The end first: values that repeat one word are told apart there.
    guard bytes.count - start >= needle.count, bytes[start + needle.count - 1] == needle[needle.count - 1] else {
      return false
    }
    for index in needle.indices where bytes[start + index] != needle[index] { return false }
    return true
  }
}

extension SealedFilter: CustomStringConvertible, CustomReflectable {
  package var description: String { SealedMember.placeholder }
  package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
