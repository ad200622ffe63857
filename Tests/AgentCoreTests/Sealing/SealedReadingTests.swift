import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Escapes that stand where none is needed, line breaks in base64, and texts that are cut.
@Suite struct SealedReadingTests {
  private static let secret = "ab+cd/efg==hi+jk'lm"

  @Test(
    "escapes of JSON are read wherever they stand",
    arguments: [
      #"{"v":"ab\u002Bcd/efg==hi\u002Bjk\u0027lm"}"#, #"{"v":"ab\u002bcd\/efg==hi\u002bjk'lm"}"#,
      #"{"v":"\u0061\u0062\u002B\u0063\u0064\u002F\u0065\u0066\u0067\u003d\u003d\u0068\u0069+jk\u0027l\u006d"}"#,
      #"{"v":"{\"w\":\"ab\\u002Bcd\\/efg==hi\\u002Bjk\\u0027lm\"}"}"#,
      #"ab\u002Bcd%2Fefg%3D=hi%2Bjk\u0027lm"#, #"ab%5Cu002Bcd%2Fefg==hi%2bjk%5cu0027lm"#,
      "ab&#43;cd&#x2F;efg==hi+jk&#39;lm", #"<a href=\"ab\u002Bcd/efg==hi+jk&#x27;lm\">"#,
      #"{"v":"YWIrY2QvZWZnPT1oaStqaydsbQ=="}"#, #"{"v":"eHh4YWIrY2QvZWZnPT\n1oaStqaydsbQ=="}"#,
    ])
  func json(text: String) {
    let shown = SealedFilter([Secret(Self.secret)]).filtered(text)
    #expect(shown.contains("[sealed]") && !shown.contains("cd") && !shown.contains("ZWZnPT"), "\(shown)")
    #expect(shown.first == text.first || shown.hasPrefix("[sealed]"))
  }

  @Test("what follows an escape, and what is half of one, stays as it is") func around() {
    let filter = SealedFilter([Secret("päss \"🔑\" wörd")])
    let whole = #"\\ \ud83d \u12 {"v":"p\u00e4ss \u0022\uD83D\uDD11\" w\u00f6rd\\"} \"#
    #expect(filter.filtered(whole) == #"\\ \ud83d \u12 {"v":"[sealed]\\"} \"#)
    let near = #"p\u00e4ss \u0022\uD83D\u0022\" w\u00f6rd & &amp; &#; %4 \n"#
    #expect(filter.filtered(near) == near)
  }

  @Test(
    "base64 is found across line breaks, at each place in a group", arguments: 0..<3, ["\n", "\r\n", #"\n"#, #"\r\n"#])
  func lines(before: Int, lineBreak: String) {
    let secret = "a key/with?many>letters~~~" + String(repeating: "x?>", count: 40)
    let filter = SealedFilter([Secret(secret)])
    let letters = Data((String(repeating: "u", count: before) + secret + "more").utf8).base64EncodedString()
    for isForURLs in [false, true] {
      let written = isForURLs ? letters.replacing("+", with: "-").replacing("/", with: "_") : letters
      let breaks = stride(from: 0, to: written.utf8.count, by: 76).map { String(written.dropFirst($0).prefix(76)) }
      let shown = filter.filtered("before " + breaks.joined(separator: lineBreak) + " after")
      #expect(shown.hasPrefix("before ") && shown.hasSuffix(" after"))
      #expect(shown.contains("[sealed]") && shown.utf8.count < 40, "\(shown)")
    }
  }

  @Test("of a cut text the beginning of a value at its end is not shown, however it is written")
  func cut() {
    let secret = String(repeating: "HUGE+", count: 4000) + "end"
    let filter = SealedFilter([Secret(secret), Secret("another/value")])
    #expect(filter.filtered(cut: "echo: " + secret.prefix(9000)) == "echo: [sealed]")
    #expect(filter.filtered(cut: "echo: \(secret) \(secret.prefix(8))") == "echo: [sealed] [sealed]")
    #expect(filter.filtered(cut: "echo: " + secret.prefix(7)) == "echo: HUGE+HU")
    #expect(filter.filtered(cut: "echo: " + secret.prefix(9000) + ".").hasSuffix("HUGE+."))
    #expect(filter.filtered(cut: #"{"v":"HUGE\u002bHUGE\u00"#) == #"{"v":"[sealed]"#)
    #expect(filter.filtered(cut: "v=HUGE%2BHUG%4") == "v=[sealed]")
    let letters = Data(secret.utf8).base64EncodedString()
    #expect(filter.filtered(cut: "v=" + letters.prefix(76) + "\r\n" + letters.dropFirst(76).prefix(50)) == "v=[sealed]")
    #expect(filter.filtered(cut: "nothing here") == "nothing here")
  }

  @Test("values that are one word many times over are found, and looked for, in a moment") func words() {
    let word = String(repeating: "abab", count: 20_000)
    let filter = SealedFilter([Secret(word), Secret("\(word.dropLast(4))cdef")])
    let near = String(word.dropLast(2))
    #expect(filter.filtered("<\(near)> <\(word)ab> <\(near)>") == "<\(near)> <[sealed]> <\(near)>")
    #expect(filter.filtered("\(near)cdef.") == "ab[sealed].")
    #expect(filter.filtered(cut: "\(near).\(near)") == "\(near).[sealed]")
    #expect(filter.filtered(cut: "x\(near)bab") == "x\(near)bab")
  }

  @Test("short texts of a long value's word cost no more than they are long", .timeLimit(.minutes(1)))
  func shortTexts() {
    let filter = SealedFilter([Secret(String(repeating: "ab", count: 1 << 20) + "c")])
    let text = String(repeating: "ab", count: 200)
    // Each of them read the value's two million bytes once.
    for _ in 0..<5000 { #expect(filter.filtered(text) == text) }
  }

  @Test("values of 4 MiB together are looked for; past them nothing is shown") func bytes() {
    let part = String(repeating: "x", count: SealedFilter.maximumValueBytes / 2)
    #expect(SealedFilter.canLookFor([.string(part + "a"), .string(String(part.dropLast(1)))]))
    #expect(!SealedFilter.canLookFor([.string(part + "a"), .string(part)]))
    var filter = SealedFilter([Secret("another value")])
    filter.add([Secret(part + part)])
    #expect(filter.isOverfull && filter.filtered("x") == "[sealed]")
  }

  // MARK: random texts

  private static func escaped(_ text: String, _ random: SeededRandom) -> String {
    let kind = random.next() % 6
    return text.unicodeScalars.map { scalar in
      let isEscaped = random.next() % 3 == 0
      switch (kind, isEscaped) {
      case (1, true),
        (1, _) where "\"\\".unicodeScalars.contains(scalar):
        return String(scalar).utf16.map { String(format: random.next() % 2 == 0 ? "\\u%04x" : "\\u%04X", $0) }.joined()
      case (2, true),
        (2, _) where scalar == "%":
        return String(scalar).utf8.map { String(format: random.next() % 2 == 0 ? "%%%02x" : "%%%02X", $0) }.joined()
      case (3, true),
        (3, _) where scalar == "&":
        return "&#\(scalar.value);"
      case (4, true),
        (4, _) where "\"\\".unicodeScalars.contains(scalar):
        return String(scalar).utf16.map { String(format: "\\\\u%04x", $0) }.joined()
      case (5, true),
        (5, _) where scalar == "%":
        return String(scalar).utf8.map { String(format: "%%25%02x", $0) }.joined()
      default: return String(scalar)
      }
    }.joined()
  }

  private static let secrets = [
    "hunter2-hunter2", "päss \"🔑\" \\ %41 & more", "abcabcabcabd", "abcdefgh", "ghabcdefgh-long\nline",
  ]

  private static func text(_ random: SeededRandom) -> String {
    let rests = [
      "\\", "%", "&", "\n", "\\u00", "%2", "hunter2-", "abcabc", "abcdefg", "x y", "🔑", "\\\\", "&#3", "YWJj",
    ]
    var text = ""
    for _ in 0...random.next() % 8 {
      let secret = secrets[Int(random.next() % UInt64(secrets.count))]
      switch random.next() % 5 {
      case 0, 1:
        // A letter that ends what was begun before.
        text += "|" + escaped(secret, random)
      case 2:
        text += escaped(String(secret.prefix(Int(random.next() % UInt64(secret.count)))), random)
      case 3:
        let letters = Data(("u:" + secret + "..").utf8).base64EncodedString()
        text += letters.prefix(9) + (random.next() % 2 == 0 ? "\r\n" : "") + letters.dropFirst(9)
      default: text += rests[Int(random.next() % UInt64(rests.count))]
      }
    }
    return text
  }

  @Test("random texts in random pieces show what the whole shows", arguments: 1...40) func random(_ seed: UInt64) {
    let random = SeededRandom(seed: seed)
    let filter = SealedFilter(Self.secrets.map { Secret($0) })
    for _ in 0..<25 {
      let text = Self.text(random)
      var (stream, shown, rest) = (SealedStream(filter), "", text.unicodeScalars[...])
      let most = 1 + random.next() % 30
      while !rest.isEmpty {
        let size = Int(1 + random.next() % most)
        shown += stream.take(String(rest.prefix(size)))
        rest = rest.dropFirst(size)
      }
      shown += stream.finish()
      #expect(shown == filter.filtered(text), "seed \(seed): \(text)")
    }
  }

  @Test("a value is found in any mixture of escaped and plain characters", arguments: 1...20)
  func mixtures(_ seed: UInt64) {
    let random = SeededRandom(seed: seed)
    let filter = SealedFilter(Self.secrets.map { Secret($0) })
    for secret in Self.secrets {
      let written = Self.escaped(secret, random)
      #expect(filter.filtered("<\(written)>") == "<[sealed]>", "seed \(seed): \(written)")
    }
  }
}
