import AgentCore
import AgentTestKit
import Foundation
import Testing

@Suite("Timestamps")
struct TimestampTests {
  static let known: [(Int64, String)] = [
    (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (1_700_000_000_120, "2023-11-14T22:13:20.120Z"),
    (951_782_400_000, "2000-02-29T00:00:00.000Z"), (951_868_800_000, "2000-03-01T00:00:00.000Z"),
    (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (4_107_456_000_000, "2100-02-28T00:00:00.000Z"),
    (1_709_164_800_000, "2024-02-29T00:00:00.000Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"), (-2_208_988_800_000, "1900-01-01T00:00:00.000Z"),
  ]

  @Test("known moments are written and read", arguments: known)
  func knownMoments(_ milliseconds: Int64, _ text: String) {
    #expect(Timestamp(milliseconds: milliseconds).text == text)
    #expect(Timestamp(rfc3339: text)?.milliseconds == milliseconds)
  }

  @Test(
    "the forms of RFC 3339 are read",
    arguments: [
      ("1970-01-01T00:00:01Z", 1000), ("1970-01-01t00:00:01z", 1000), ("1970-01-01 00:00:01Z", 1000),
      ("1970-01-01T00:00:00.5Z", 500), ("1970-01-01T00:00:00.1239Z", 123), ("1970-01-01T00:00:00.000999999Z", 0),
      ("1970-01-01T01:00:00+01:00", 0), ("1969-12-31T23:30:00-00:30", 0), ("1970-01-01T00:00:00-00:00", 0),
      ("1970-01-01T00:00:00.001+00:00", 1), ("1970-01-01T00:00:60Z", 60_000), ("1970-01-01T05:45:00.25+05:45", 250),
    ] as [(String, Int64)])
  func forms(_ text: String, _ milliseconds: Int64) {
    #expect(Timestamp(rfc3339: text)?.milliseconds == milliseconds)
  }

  @Test(
    "everything else is refused",
    arguments: [
      "", "1970-01-01", "1970-01-01T00:00Z", "1970-01-01T00:00:00", "1970-1-01T00:00:00Z", "70-01-01T00:00:00Z",
      "1970-13-01T00:00:00Z", "1970-00-01T00:00:00Z", "1970-01-00T00:00:00Z", "1970-01-32T00:00:00Z",
      "2023-02-29T00:00:00Z",
      "2100-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2024-02-30T00:00:00Z", "2024-04-31T00:00:00Z",
      "1970-01-01T24:00:00Z",
      "1970-01-01T00:60:00Z", "1970-01-01T00:00:61Z", "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00,5Z",
      "1970-01-01T00:00:00.1234567890Z", "1970-01-01T00:00:00+0100", "1970-01-01T00:00:00+24:00",
      "1970-01-01T00:00:00+01:60",
      "1970-01-01T00:00:00+01", "1970-01-01T00:00:00Z ", " 1970-01-01T00:00:00Z", "1970-01-01T00:00:00ZZ",
      "１970-01-01T00:00:00Z", "+970-01-01T00:00:00Z", "1970-01-01_00:00:00Z",
    ])
  func refused(_ text: String) { #expect(Timestamp(rfc3339: text) == nil) }

  @Test("every day of 400 years has its own date, and the leap years are the calendar's")
  func everyDay() {
    var leapDays = 0
    var last = ""
    for day in Int64(0)..<146_097 {
      let moment = Timestamp(milliseconds: day * 86_400_000)
      let text = moment.text
      #expect(Timestamp(rfc3339: text) == moment)
      #expect(text > last)
      if text.dropFirst(4).hasPrefix("-02-29") { leapDays += 1 }
      last = text
    }
    #expect(leapDays == 97)
    #expect(last == "2369-12-31T00:00:00.000Z")
  }

  @Test("random moments come back", arguments: 1...10)
  func roundTrip(_ seed: UInt64) {
    let random = SeededRandom(seed: seed)
    for _ in 0..<200 {
      let moment = Timestamp(milliseconds: Int64(random.next() % 315_569_520_000_000) - 62_167_219_200_000)
      #expect(Timestamp(rfc3339: moment.text) == moment, "seed \(seed), \(moment.milliseconds)")
    }
  }

  @Test("durations add in whole milliseconds, rounded down")
  func adding() {
    let moment = Timestamp(milliseconds: 1000)
    #expect(moment.adding(.microseconds(1999)).milliseconds == 1001)
    #expect(moment.adding(.seconds(-2)).milliseconds == -1000)
    #expect(Duration.microseconds(-500).wholeMilliseconds == -1)
    #expect(Duration.milliseconds(-1500).wholeMilliseconds == -1500)
  }
}
