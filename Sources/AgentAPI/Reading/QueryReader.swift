import AgentCore
import AgentRuntime

/// A query, read strictly: an unknown name, a name given twice, a bad escape or a bad value is `invalid_parameter`.
struct QueryReader: Sendable {
  /// More than any route has, repeated ones included.
  private static let maximumParameters = 64

  private var values: [String: [String]] = [:]

  /// `text`: what follows the question mark.
  init(_ text: Substring, allowed: Set<String>) throws(APIError) {
    let parts = text.split(separator: "&")
    guard parts.count <= Self.maximumParameters else {
      throw APIError("invalid_parameter", "more than \(Self.maximumParameters) parameters")
    }
    var problems: [ServiceError.Field] = []
    for part in parts {
      let mark = part.firstIndex(of: "=") ?? part.endIndex
      guard let name = PercentText.decode(part[..<mark], plusIsSpace: true),
        let value = PercentText.decode(part[mark...].dropFirst(), plusIsSpace: true)
      else {
        problems.append(ServiceError.Field("", "a bad escape in the query"))
        continue
      }
      guard allowed.contains(name) else {
        let known = allowed.isEmpty ? "none are known here" : "known: \(allowed.sorted().joined(separator: ", "))"
        problems.append(
          ServiceError.Field("/\(FieldReader.escaped(String(name.prefix(64))))", "unknown parameter; \(known)"))
        continue
      }
      values[name, default: []].append(value)
    }
    guard problems.isEmpty else { throw APIError("invalid_parameter", fields: problems) }
  }

  /// All values of a parameter that may be repeated.
  func texts(_ name: String) -> [String] { values[name] ?? [] }

  /// Nil when it is not given.
  func text(_ name: String) throws(APIError) -> String? {
    let texts = texts(name)
    guard texts.count <= 1 else { throw Self.refused(name, "given more than once") }
    return texts.first
  }

  /// A whole number in a range.
  func integer(_ name: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
    guard let text = try text(name) else { return nil }
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text),
      range.contains(number)
    else { throw Self.refused(name, "a number from \(range.lowerBound) to \(range.upperBound)") }
    return number
  }

  /// `true` or `false`; false when it is not given.
  func flag(_ name: String) throws(APIError) -> Bool {
    switch try text(name) {
    case nil, "false": return false
    case "true": return true
    default: throw Self.refused(name, "true or false")
    }
  }

  /// `500ms`, `30s`, `15m`, `24h`, or a number of seconds.
  func duration(_ name: String, upTo limit: Duration) throws(APIError) -> Duration? {
    guard let text = try text(name) else { return nil }
    guard let duration = DurationText.parse(text), duration <= limit else {
      throw Self.refused(name, "a time like 500ms, 30s or 2m, at most \(limit.components.seconds)s")
    }
    return duration
  }

  /// RFC 3339.
  func timestamp(_ name: String) throws(APIError) -> Timestamp? {
    guard let text = try text(name) else { return nil }
    guard let timestamp = Timestamp(rfc3339: text) else {
      throw Self.refused(name, "a time like 2026-01-31T12:00:00Z (RFC 3339; write + as %2B)")
    }
    return timestamp
  }

  static func refused(_ name: String, _ detail: String) -> APIError {
    APIError("invalid_parameter", fields: [ServiceError.Field("/\(name)", detail)])
  }
}

/// Durations as configuration and queries write them.
enum DurationText {
  private static let units: [(suffix: String, milliseconds: Int64)] = [
    ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("", 1000),
  ]

  /// Nil for anything but digits and one of the units; at most nine digits, so that nothing overflows.
  static func parse(_ text: String) -> Duration? {
    for unit in units where text.hasSuffix(unit.suffix) {
      let digits = text.dropLast(unit.suffix.count)
      guard (1...9).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
        let number = Int64(digits)
      else { continue }
      return .milliseconds(number * unit.milliseconds)
    }
    return nil
  }
}
