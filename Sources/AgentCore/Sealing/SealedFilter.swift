/// Takes the sealed values of a task out of what tools, models and errors say: an echo, a redirect's `Location`, a file
/// read back would carry them on otherwise. `[sealed]` stands in their place.
///
/// Found as a whole alone, in each form of `SecretForms`; values below 8 bytes are not looked for, for they stand in many
/// a word. Every way to text shows nothing of it.
package struct SealedFilter: Sendable {
  /// Shorter values are no needles.
  package static let shortestBytes = 8
  /// Values that one task's filter looks for: an answer may hold any number of them, and each has some twenty forms.
  package static let maximumValues = 2000
  /// All needles have more bytes.
  private static let headBytes = 4

  private var needles: [[UInt8]] = []
  /// Places in `needles` by their first four bytes, the longest first.
  private var byHead: [UInt32: [Int]] = [:]
  private var firstBytes = [Bool](repeating: false, count: 256)
  private var known: Set<[UInt8]> = []
  private var values = 0
  /// Bytes of the longest needle.
  package private(set) var longest = 0

  package init(_ secrets: [Secret] = []) { add(secrets) }

  package var isEmpty: Bool { needles.isEmpty }

  package mutating func add(_ secrets: [Secret]) {
    for secret in secrets {
      let text = secret.reveal()
      guard text.utf8.count >= Self.shortestBytes, text != SealedMember.placeholder, values < Self.maximumValues,
        known.insert(Array(text.utf8)).inserted
      else { continue }
      values += 1
      for form in SecretForms.all(of: text) { add(form) }
    }
  }

  private mutating func add(_ needle: [UInt8]) {
    let place = needles.count
    needles.append(needle)
    firstBytes[Int(needle[0])] = true
    longest = max(longest, needle.count)
    var places = byHead[Self.head(needle, 0)] ?? []
    let index = places.firstIndex { needles[$0].count < needle.count } ?? places.endIndex
    places.insert(place, at: index)
    byHead[Self.head(needle, 0)] = places
  }

  /// The text without any of them.
  package func filtered(_ text: String) -> String {
    guard !needles.isEmpty else { return text }
    let bytes = Array(text.utf8)
    let hidden = matches(in: bytes)
    return hidden.isEmpty ? text : String(decoding: Self.shown(bytes, without: hidden), as: UTF8.self)
  }

  /// The same of bytes that may be no text.
  package func filtered(_ bytes: [UInt8]) -> [UInt8] {
    guard !needles.isEmpty else { return bytes }
    let hidden = matches(in: bytes)
    return hidden.isEmpty ? bytes : Self.shown(bytes, without: hidden)
  }

  /// The value with every string in it filtered, names of members too.
  package func filtered(_ value: JSONValue) -> JSONValue {
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

  /// Where they stand, ascending, what touches or overlaps joined.
  func matches(in bytes: [UInt8]) -> [Range<Int>] {
    var found: [Range<Int>] = []
    guard bytes.count > Self.headBytes else { return found }
    for start in 0...(bytes.count - Self.headBytes) where firstBytes[Int(bytes[start])] {
      guard let places = byHead[Self.head(bytes, start)],
        let place = places.first(where: { Self.stands(needles[$0], in: bytes, at: start) })
      else { continue }
      let end = start + needles[place].count
      if let last = found.last, last.upperBound >= start {
        found[found.count - 1] = last.lowerBound..<max(last.upperBound, end)
      } else {
        found.append(start..<end)
      }
    }
    return found
  }

  /// Where the end of these bytes may be the beginning of a needle; their count where it cannot.
  func openEnd(of bytes: [UInt8]) -> Int {
    guard !needles.isEmpty else { return bytes.count }
    for start in max(0, bytes.count - longest + 1)..<bytes.count where firstBytes[Int(bytes[start])] {
      let rest = bytes.count - start
      let places = rest < Self.headBytes ? Array(needles.indices) : byHead[Self.head(bytes, start)] ?? []
      let isOpen = places.contains { place in
        needles[place].count > rest && needles[place].prefix(rest).elementsEqual(bytes[start...])
      }
      if isOpen { return start }
    }
    return bytes.count
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
    guard bytes.count - start >= needle.count else { return false }
    for index in needle.indices where bytes[start + index] != needle[index] { return false }
    return true
  }
}

extension SealedFilter: CustomStringConvertible, CustomReflectable {
  package var description: String { SealedMember.placeholder }
  package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
