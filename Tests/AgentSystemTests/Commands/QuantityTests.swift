import Testing

@testable import AgentSystem

@Suite("Numbers for people")
struct QuantityTests {
  @Test(
    "sizes",
    arguments: [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (16 * 1024 * 1024, "16 MiB")])
  func sizes(count: Int64, expected: String) { #expect(Quantity.bytes(count) == expected) }

  @Test(
    "times",
    arguments: [
      (Duration.milliseconds(-5), "0 ms"), (.milliseconds(12), "12 ms"), (.milliseconds(3450), "3.4 s"),
      (.seconds(59), "59 s"), (.seconds(125), "2 min 5 s"), (.seconds(11_520), "3 h 12 min"),
    ])
  func times(duration: Duration, expected: String) { #expect(Quantity.time(duration) == expected) }

  @Test(
    "durations as configuration writes them",
    arguments: [
      ("500ms", Duration.milliseconds(500)), ("30s", .seconds(30)), ("15m", .seconds(900)), ("24h", .seconds(86_400)),
      ("90", .seconds(90)), ("", nil), ("s", nil), ("1d", nil), ("-1s", nil), ("1.5s", nil), ("١s", nil),
      ("99999999999999999999", nil),
    ] as [(String, Duration?)])
  func durations(text: String, expected: Duration?) { #expect(Quantity.duration(text) == expected) }
}
