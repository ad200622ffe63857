import Testing

@testable import AgentConfig

@Suite("Durations, sizes and words")
struct QuantityTextTests {
  @Test(
    "durations",
    arguments: [
      ("500ms", 500), ("0s", 0), ("30s", 30_000), ("15m", 900_000), ("24h", 86_400_000), ("s", nil), ("", nil),
      ("1d", nil), ("1.5h", nil), ("-1s", nil), ("+1s", nil), ("1 s", nil), ("1S", nil), ("30s ", nil),
      ("9999999999999s", nil), ("１s", nil),
    ] as [(String, Int?)])
  func durations(_ text: String, _ milliseconds: Int?) {
    #expect(QuantityText.duration(text) == milliseconds.map { .milliseconds($0) })
  }

  @Test(
    "sizes",
    arguments: [
      ("64KiB", 65_536), ("10MB", 10_000_000), ("1GiB", 1_073_741_824), ("512B", 512), ("1kB", 1000), ("10mb", nil),
      ("10M", nil), ("10", nil), ("MB", nil), ("1.5MB", nil), ("999999999999TiB", nil),
    ] as [(String, Int64?)])
  func sizes(_ text: String, _ bytes: Int64?) { #expect(QuantityText.size(text) == bytes) }

  @Test("what is written reads back", arguments: [500, 1000, 59_000, 60_000, 3_600_000, 604_800_000, 3_660_000])
  func roundTrip(_ milliseconds: Int) {
    let duration = Duration.milliseconds(milliseconds)
    #expect(QuantityText.duration(QuantityText.text(duration)) == duration)
    #expect(QuantityText.size(QuantityText.text(bytes: Int64(milliseconds))) == Int64(milliseconds))
  }

  @Test(
    "the nearest name",
    arguments: [
      ("wrokers", "workers"), ("worker", "workers"), ("maxSize", "max_size"), ("max-size", "max_size"),
      ("LISTEN", "listen"),
      ("", nil), ("entirely_else", nil), ("q", nil),
    ] as [(String, String?)])
  func nearest(_ name: String, _ expected: String?) {
    #expect(NearestName.of(name, among: ["workers", "max_size", "listen"]) == expected)
  }

  @Test(
    "plain scalars mean what every reader of YAML thinks, or nothing",
    arguments: [
      ("", .null), ("~", .null), ("null", .null), ("true", .flag(true)), ("false", .flag(false)), ("0", .integer(0)),
      ("-5", .integer(-5)), ("1.5", .number(1.5)), ("1e3", .number(1000)), ("-0.5E-1", .number(-0.05)), ("abc", .text),
      ("1a", .text), ("127.0.0.1", .text), ("127.0.0.1:80", .text), ("-", .text), ("1-2", .text), ("e5", .text),
      (".", .text), ("..", .text), ("30s", .text), ("nobody", .text), ("2001-01", .text), ("2001-001-01", .text),
      ("gpt-2024-05-13", .text),
    ] as [(String, PlainScalar)])
  func plain(_ text: String, _ expected: PlainScalar) { #expect(PlainScalar(text) == expected) }

  @Test(
    "plain scalars that readers take differently are ambiguous",
    arguments: [
      "yes", "No", "ON", "off", "y", "True", "FALSE", "Null", "010", "0x1F", "0o7", "0b1", "1_000", "+5", ".5", "5.",
      "1:30", "190:20:30", ".inf", "-.INF", ".NaN", "1e999", "99999999999999999999", "+1.5", "1_0.5", "2001-01-01",
      "-0",
      "2001-1-1 10:00:00", "2001-12-31T10:00:00Z",
    ])
  func ambiguous(_ text: String) {
    guard case .ambiguous = PlainScalar(text) else {
      Issue.record("'\(text)' is \(PlainScalar(text))")
      return
    }
  }
}
