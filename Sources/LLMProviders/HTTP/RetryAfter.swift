import AgentCore
import HTTPTransport

/// How long a provider asks us to stay away.
enum RetryAfter {
  /// Longer wishes are cut to this: a task does not wait so long anyway, and the arithmetic stays safe.
  static let longest = Duration.seconds(10 * 365 * 86_400)

  /// From `retry-after-ms` (OpenAI's) or `Retry-After` (RFC 9110 section 10.2.3), as seconds or as a date against our
  /// UTC. Nil for none, and for what cannot be read.
  static func duration(in head: HTTPExchange.Head, now: Timestamp) -> Duration? {
    if let text = head.value(of: "retry-after-ms"), let milliseconds = number(text) {
      return clamped(milliseconds / 1000)
    }
    guard let text = head.value(of: "retry-after") else { return nil }
    if let seconds = number(text) { return clamped(seconds) }
    guard let date = HTTPDate.timestamp(text) else { return nil }
    return clamped(Double(date.milliseconds - now.milliseconds) / 1000)
  }

  /// Digits, maybe with a fraction: no sign, no exponent, no name of a number.
  private static func number(_ text: String) -> Double? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) || $0 == UInt8(ascii: ".") }) else { return nil }
    return Double(text)
  }

  private static func clamped(_ seconds: Double) -> Duration {
    guard seconds > 0 else { return .zero }
    return seconds < Double(longest.components.seconds) ? .milliseconds(Int64(seconds * 1000)) : longest
  }
}

/// Reads the three forms of a date in HTTP (RFC 9110 section 5.6.7).
enum HTTPDate {
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or `Sun Nov  6 08:49:37 1994`.
  static func timestamp(_ text: String) -> Timestamp? {
    let words = text.split { " ,-".contains($0) }.map(String.init)
    if words.count == 6, words[5] == "GMT" {
      return timestamp(day: words[1], month: words[2], year: words[3], time: words[4])
    }
    guard words.count == 5 else { return nil }
    return timestamp(day: words[2], month: words[1], year: words[4], time: words[3])
  }

  private static func timestamp(day: String, month: String, year: String, time: String) -> Timestamp? {
    guard let month = months.firstIndex(of: month), let day = Int(day), var number = Int(year) else { return nil }
    // Two digits are of the years around the turn of the century.
    if year.count == 2 { number += number < 70 ? 2000 : 1900 }
    return Timestamp(rfc3339: "\(padded(number, 4))-\(padded(month + 1, 2))-\(padded(day, 2))T\(time)Z")
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
