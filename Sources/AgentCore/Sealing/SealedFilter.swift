/// Takes the sealed values of a task out of what tools, models and errors say: an echo, a redirect's `Location`, a file
/// read back would carry them otherwise. `[sealed]` stands in their place.
///
/// Found as a whole alone, in each form of `SecretForms` and with any of its characters escaped or not (`TextReading`);
/// values below 8 bytes are not looked for, for they stand in many a word. A filter that was given more than it can look
/// for shows `[sealed]` for everything. Every way to text shows nothing of it.
package struct SealedFilter: Sendable {
  /// Shorter values are no needles.
  package static let shortestBytes = 8
  /// Values that one task's filter looks for: an answer may hold any number of them.
  package static let maximumValues = 2000
  /// Of those together: their forms take some ten times as much, for each task that runs.
  package static let maximumValueBytes = 4 * 1024 * 1024

  /// Of the needles that only some writers of JSON make, in base64: there may be fifty a value.
  static let maximumOtherBytes = 4 * 1024 * 1024

  /// For people.
  package static let bounds =
    "\(maximumValues) sealed values of \(shortestBytes) bytes and more, or than 4 MiB of them"

  private struct Needle {
    var bytes: [UInt8]
    /// Found with line breaks in it, too.
    var isLetters: Bool
  }

  private var needles: [Needle] = []
  /// Places in `needles` by their first four bytes, the longest first.
  private var byHead: [UInt32: [Int]] = [:]
  private var firstBytes = [Bool](repeating: false, count: 256)
  /// Places in `needles` by value.
  private var known: [[UInt8]: Range<Int>] = [:]
  private var valueBytes = 0
  /// Of needles of what not every writer of JSON escapes.
  private var otherBytes = 0
  /// Bytes of the longest needle.
  private var longestNeedle = 0
  private var hasSpace = false
  /// The most bytes that one of the values takes in any form that is usual.
  package private(set) var longest = 0
  /// It was given more than it can look for.
  package private(set) var isOverfull = false

  /// All needles have more bytes.
  private static let headBytes = 4
  /// `\\u0041`, of JSON within JSON.
  private static let longestEscape = 7

  package init(_ secrets: [Secret] = []) { add(secrets) }

  /// It lets everything through.
  package var isEmpty: Bool { needles.isEmpty && !isOverfull }

  /// `other` lends the forms of those that it knows.
  package mutating func add(_ secrets: [Secret], sharing other: SealedFilter? = nil) {
    for secret in secrets {
      let text = secret.reveal()
      let bytes = Array(text.utf8)
      guard Self.looksFor(text), known[bytes] == nil else { continue }
      guard known.count < Self.maximumValues, bytes.count <= Self.maximumValueBytes - valueBytes else {
        isOverfull = true
        return
      }
      let first = needles.count
      if let other, let places = other.known[bytes] {
        for place in places { add(other.needles[place]) }
      } else {
        for form in SecretForms.plain(text) { add(Needle(bytes: form, isLetters: false)) }
        let usual = SecretForms.base64(text)
        for form in usual { add(Needle(bytes: form, isLetters: true)) }
        let others = otherBytes < Self.maximumOtherBytes ? SecretForms.base64OfOtherJSON(text) : []
        for form in others where !usual.contains(form) {
          guard otherBytes + form.count <= Self.maximumOtherBytes else {
            otherBytes = Self.maximumOtherBytes
            break
          }
          otherBytes += form.count
          add(Needle(bytes: form, isLetters: true))
        }
      }
      known[bytes] = first..<needles.count
      valueBytes += bytes.count
      longest = max(longest, Self.longestEscape * bytes.count)
    }
  }

  /// Whether a filter can look for all the texts in these.
  package static func canLookFor(_ values: [JSONValue]) -> Bool { load(of: values) <= 1 }

  /// How much of what a filter can look for the texts in these take.
  package static func load(of values: [JSONValue]) -> Double {
    let texts = Set(values.flatMap(\.leafTexts).filter(looksFor))
    let byteCount = texts.reduce(0) { $0 + $1.utf8.count }
    return max(Double(texts.count) / Double(maximumValues), Double(byteCount) / Double(maximumValueBytes))
  }

  private static func looksFor(_ text: String) -> Bool {
    text.utf8.count >= shortestBytes && text != SealedMember.placeholder
  }

  private mutating func add(_ needle: Needle) {
    let bytes = needle.bytes
    let place = needles.count
    needles.append(needle)
    firstBytes[Int(bytes[0])] = true
    longestNeedle = max(longestNeedle, bytes.count)
    longest = max(longest, bytes.count)
    if bytes.contains(UInt8(ascii: " ")) { hasSpace = true }
    var places = byHead[Self.head(bytes, 0)] ?? []
    let index = places.firstIndex { needles[$0].bytes.count < bytes.count } ?? places.endIndex
    places.insert(place, at: index)
    byHead[Self.head(bytes, 0)] = places
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

  /// The beginning of a text whose rest is not known, without any of them: where it ends in the beginning of one, that of
  /// 8 bytes and more is not shown either.
  package func filtered(cut text: String) -> String {
    guard !isOverfull, !needles.isEmpty else { return filtered(text) }
    let bytes = Array(text.utf8)
    var hidden = matches(in: bytes)
    let (_, open) = look(intoPiece: bytes, beginning: Self.shortestBytes)
    if open < bytes.count { hidden = Self.joined(hidden + [open..<bytes.count]) }
    return hidden.isEmpty ? text : String(decoding: Self.shown(bytes, without: hidden), as: UTF8.self)
  }

  // MARK: search

  /// Where they stand, ascending, what touches or overlaps joined.
  func matches(in bytes: [UInt8]) -> [Range<Int>] {
    var found = find(in: bytes, isLetters: false)
    TextReading.each(of: bytes, readsPlus: hasSpace, isPiece: false) { reading, isLetters in
      found += find(in: reading.bytes, isLetters: isLetters).map { reading.source(of: $0) }
    }
    return Self.joined(found)
  }

  /// The same of a piece of a text, and up to where it may be shown: what stands behind that may be the beginning of one.
  func look(intoPiece bytes: [UInt8]) -> (hidden: [Range<Int>], open: Int) { look(intoPiece: bytes, beginning: 1) }

  /// `least`: beginnings of fewer bytes do not count, nor then what an escape that has not ended may become.
  private func look(intoPiece bytes: [UInt8], beginning least: Int) -> (hidden: [Range<Int>], open: Int) {
    var found = find(in: bytes, isLetters: false)
    var open = beginning(atEndOf: bytes, isLetters: false, least) ?? bytes.count
    var readings: [TextReading] = []
    TextReading.each(of: bytes, readsPlus: hasSpace, isPiece: true) { reading, isLetters in
      found += find(in: reading.bytes, isLetters: isLetters).map { reading.source(of: $0) }
      let begun = beginning(atEndOf: reading.bytes, isLetters: isLetters, least)
      if let begun { open = min(open, reading.source(of: begun)) }
      if reading.isTorn, least == 1 { open = min(open, reading.source(of: reading.bytes.count)) }
      readings.append(reading)
    }
    let hidden = Self.joined(found)
    // What overlaps the open end stays with it, so that no part of it is shown later; and none is cut within an escape,
    // for the rest of it would read otherwise.
    var last: Int
    repeat {
      last = open
      for range in hidden.reversed() where range.upperBound > open { open = min(open, range.lowerBound) }
      for reading in readings { open = reading.boundary(upTo: open) }
    } while open < last
    return (hidden, open)
  }

  /// As they stand.
  private func find(in bytes: [UInt8], isLetters: Bool) -> [Range<Int>] {
    guard bytes.count >= Self.headBytes else { return [] }
    var found: [Range<Int>] = []
    var scan = NeedleScan(bytes)
    for start in 0...(bytes.count - Self.headBytes) where firstBytes[Int(bytes[start])] {
      guard let places = byHead[Self.head(bytes, start)],
        let place = places.first(where: {
          (needles[$0].isLetters || !isLetters) && scan.stands(needles[$0].bytes, $0, at: start)
        })
      else { continue }
      Self.join(start..<(start + needles[place].bytes.count), to: &found)
    }
    return found
  }

  /// Where the end of these bytes is the beginning of a needle, of so many bytes at least.
  private func beginning(atEndOf bytes: [UInt8], isLetters: Bool, _ least: Int) -> Int? {
    let first = max(0, bytes.count - longestNeedle + 1)
    guard first <= bytes.count - least else { return nil }
    var scan = NeedleScan(bytes)
    return (first...(bytes.count - least)).first { start in
      guard firstBytes[Int(bytes[start])] else { return false }
      let rest = bytes.count - start
      let places = rest < Self.headBytes ? Array(needles.indices) : byHead[Self.head(bytes, start)] ?? []
      return places.contains { place in
        let needle = needles[place].bytes
        return needle.count > rest && (needles[place].isLetters || !isLetters)
          && scan.count(of: needle, place, at: start) == rest
      }
    }
  }

  private static func joined(_ found: [Range<Int>]) -> [Range<Int>] {
    found.sorted { $0.lowerBound < $1.lowerBound }
      .reduce(into: []) { joined, range in join(range, to: &joined) }
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
}

extension SealedFilter: CustomStringConvertible, CustomReflectable {
  package var description: String { SealedMember.placeholder }
  package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
