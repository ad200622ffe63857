/// Durations and sizes as configuration writes them.
enum QuantityText {
  /// More digits than any range of ours holds; keeps the arithmetic far from overflow.
  private static let maximumDigits = 12

  /// `500ms`, `30s`, `15m`, `24h`; nil for anything else.
  static func duration(_ text: String) -> Duration? {
    guard let (number, unit) = split(text) else { return nil }
    switch unit {
    case "ms": return .milliseconds(number)
    case "s": return .seconds(number)
    case "m": return .seconds(number * 60)
    case "h": return .seconds(number * 3600)
    default: return nil
    }
  }

  /// A number of seconds, with a fraction or without; nil beyond what a file may mean.
  static func duration(seconds: Double) -> Duration? {
    seconds.magnitude < 1e12 ? .milliseconds(Int64((seconds * 1000).rounded())) : nil
  }

  /// Bytes from `10MB` (powers of 1000) or `64KiB` (powers of 1024), or `512B`; nil for anything else.
  static func size(_ text: String) -> Int64? {
    guard let (number, unit) = split(text) else { return nil }
    let factors: [Substring: Int64] = [
      "B": 1, "KB": 1000, "kB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
      "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
    ]
    guard let factor = factors[unit] else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
    return overflow ? nil : bytes
  }

  /// The duration as a file would write it.
  static func text(_ duration: Duration) -> String {
    let milliseconds = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
    if milliseconds % 1000 != 0 { return "\(milliseconds)ms" }
    let seconds = milliseconds / 1000
    if seconds >= 3600, seconds % 3600 == 0 { return "\(seconds / 3600)h" }
    if seconds >= 60, seconds % 60 == 0 { return "\(seconds / 60)m" }
    return "\(seconds)s"
  }

  /// The size as a file would write it.
  static func text(bytes: Int64) -> String {
    for (unit, factor) in [("GiB", Int64(1) << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
    where bytes >= factor && bytes % factor == 0 { return "\(bytes / factor)\(unit)" }
    for (unit, factor) in [("GB", Int64(1_000_000_000)), ("MB", 1_000_000), ("KB", 1000)]
    where bytes >= factor && bytes % factor == 0 { return "\(bytes / factor)\(unit)" }
    return "\(bytes)B"
  }

  private static func split(_ text: String) -> (Int64, Substring)? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty, digits.count <= maximumDigits, let number = Int64(digits) else { return nil }
    return (number, text[digits.endIndex...])
  }
}
