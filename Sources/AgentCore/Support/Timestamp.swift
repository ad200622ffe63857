/// A moment in UTC, in whole milliseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Hashable, Sendable, Comparable {
  package var milliseconds: Int64
  package init(milliseconds: Int64) { self.milliseconds = milliseconds }

  package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

  package func adding(_ duration: Duration) -> Timestamp {
    Timestamp(milliseconds: milliseconds + duration.wholeMilliseconds)
  }

  /// RFC 3339 with milliseconds: `2026-11-24T23:30:53.120Z`.
  package var text: String {
    var days = milliseconds / 86_400_000
    var rest = milliseconds % 86_400_000
    if rest < 0 { rest += 86_400_000; days -= 1 }
    let date = CivilDate(daysSinceEpoch: days)
    return "\(Self.padded(date.year, 4))-\(Self.padded(date.month, 2))-\(Self.padded(date.day, 2))"
      + "T\(Self.padded(rest / 3_600_000, 2)):\(Self.padded(rest / 60_000 % 60, 2))"
      + ":\(Self.padded(rest / 1000 % 60, 2)).\(Self.padded(rest % 1000, 3))Z"
  }

  /// Reads RFC 3339 with an offset; nil for anything else, dates that do not exist included.
  package init?(rfc3339 text: String) {
    let bytes = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int64? {
      guard range.upperBound <= bytes.count, bytes[range].allSatisfy({ (48...57).contains($0) }) else { return nil }
      return Int64(String(decoding: bytes[range], as: UTF8.self))
    }
    func separator(_ index: Int, _ characters: String) -> Bool {
      index < bytes.count && characters.utf8.contains(bytes[index])
    }
    guard let year = number(0..<4), separator(4, "-"), let month = number(5..<7), separator(7, "-"),
      let day = number(8..<10), separator(10, "Tt "), let hour = number(11..<13), separator(13, ":"),
      let minute = number(14..<16), separator(16, ":"), let second = number(17..<19),
      hour < 24, minute < 60, second < 61, let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
    else { return nil }
    var position = 19
    var fraction: Int64 = 0
    if separator(position, ".") {
      position += 1
      let start = position
      while position < bytes.count, (48...57).contains(bytes[position]) { position += 1 }
      guard position > start, position - start <= 9 else { return nil }
      let digits = String(decoding: bytes[start..<position], as: UTF8.self) + "00"
      fraction = Int64(digits.prefix(3)) ?? 0
    }
    var offsetMinutes: Int64 = 0
    if separator(position, "Zz") {
      position += 1
    } else {
      guard separator(position, "+-"), let hours = number(position + 1..<position + 3), separator(position + 3, ":"),
        let minutes = number(position + 4..<position + 6), hours < 24, minutes < 60
      else { return nil }
      offsetMinutes = (hours * 60 + minutes) * (bytes[position] == UInt8(ascii: "-") ? -1 : 1)
      position += 6
    }
    guard position == bytes.count else { return nil }
    let seconds = days * 86_400 + hour * 3600 + (minute - offsetMinutes) * 60 + second
    milliseconds = seconds * 1000 + fraction
  }

  private static func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

/// A date of the proleptic Gregorian calendar; the arithmetic counts in years that begin in March, so that the leap
/// day is the last of its year.
private struct CivilDate {
  var year: Int64
  var month: Int64
  var day: Int64

  init(year: Int64, month: Int64, day: Int64) {
    (self.year, self.month, self.day) = (year, month, day)
  }

  init(daysSinceEpoch days: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// Nil when there is no such day.
  var daysSinceEpoch: Int64? {
    guard (1...12).contains(month), (1...31).contains(day) else { return nil }
    let marchYear = month <= 2 ? year - 1 : year
    let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
    let yearOfEra = marchYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    let back = CivilDate(daysSinceEpoch: days)
    return back.day == day && back.month == month ? days : nil
  }
}

extension Duration {
  /// Rounded down.
  package var wholeMilliseconds: Int64 {
    let (milliseconds, rest) = components.attoseconds.quotientAndRemainder(dividingBy: 1_000_000_000_000_000)
    return components.seconds * 1000 + milliseconds - (rest < 0 ? 1 : 0)
  }
}
