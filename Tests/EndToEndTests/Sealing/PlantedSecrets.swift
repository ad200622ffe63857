import AgentCore
import AgentTestKit
import Foundation

/// Secrets of forty kinds and more, each with a core of letters and digits by which it is found again.
struct PlantedSecrets: Sendable {
  /// One secret: what it is told apart by, what is searched for, and the whole.
  struct Secret: Sendable {
    var kind: String
    var core: String
    var value: JSONValue
    var text: String { value.stringValue ?? value.text }
  }

  private(set) var all: [String: Secret] = [:]

  subscript(kind: String) -> Secret { all[kind] ?? Secret(kind: kind, core: "", value: .null) }

  /// `{{input.…}}` of none: what callers give, by kind.
  init() {
    for (number, entry) in Self.kinds.enumerated() {
      let core = Self.core(number)
      all[entry.kind] = Secret(
        kind: entry.kind, core: entry.isNumber ? Self.digits(number) : core, value: entry.make(core, number))
    }
  }

  /// Unlike any other text, the same in each run.
  private static func core(_ number: Int) -> String {
    let letters = Array("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
    var state = UInt64(number + 1) &* 0x9E37_79B9_7F4A_7C15
    let tail = (0..<20).map { _ -> Character in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return letters[Int(state >> 33) % letters.count]
    }
    return "Zq" + String(tail)
  }

  private static func digits(_ number: Int) -> String { String(731_905_512_286_000 + number) }

  private struct Kind: Sendable {
    var kind: String
    var isNumber = false
    var make: @Sendable (String, Int) -> JSONValue = { core, _ in .string(core) }
  }

  private static let kinds: [Kind] =
    // Spellings of the rule, in the input and at any depth.
    [
      "api_key", "apiKey", "API_KEY", "API-KEY", "Api-Key", "aPIkEY", "password", "PassWord", "pass_word", "pass-word",
      "TOKEN",
      "token", "to_ken", "nested", "in a list", "lists of lists", "twenty deep", "metadata", "deep metadata", "label",
    ]
    .map { Kind(kind: $0) }
    + [
      Kind(kind: "object") { core, _ in ["user": "u", "value": .string(core)] },
      Kind(kind: "array") { core, _ in ["x", .string(core)] },
      Kind(kind: "number", isNumber: true) { _, number in .integer(Int64(digits(number)) ?? 0) },
      Kind(kind: "long") { core, _ in .string(core + String(repeating: "0123456789abcdef", count: 4000) + core) },
      Kind(kind: "unicode") { core, _ in .string("pässwörd-λ-\(core)-🔑") },
      Kind(kind: "control") { core, _ in .string("\u{1}\(core)\t\"\\/\n") },
      Kind(kind: "pem") { core, _ in .string("-----BEGIN KEY-----\n\(core)\n-----END KEY-----\n") },
      Kind(kind: "binary in base64") { core, _ in .string(Data([0, 255, 1] + Array(core.utf8)).base64EncodedString()) },
      Kind(kind: "url") { core, _ in .string("https://user:\(core)@example.org/p?q=\(core)#f") },
      Kind(kind: "json") { core, _ in .string(#"{"a":["\#(core)",1e2]}"#) },
      Kind(kind: "percent") { core, _ in .string("%2F\(core)%20") },
      Kind(kind: "html") { core, _ in .string("<b>\(core)</b>&amp;'") },
    ]
    // What models and servers write.
    + [
      "body object", "body text", "authorization", "proxy authorization", "cookie", "refused argument", "unknown tool",
      "result member", "result list", "set-cookie", "json in json", "json lines", "twice", "cut json",
    ].map { Kind(kind: $0) }

  var input: JSONValue {
    var deep: JSONValue = ["password": self["twenty deep"].value]
    for _ in 0..<20 { deep = ["d": deep] }
    var members: [String: JSONValue] = [
      "prompt": "plant", "login": ["user": "u", "password": self["nested"].value],
      "list": [["token": self["in a list"].value], [[["api-key": self["lists of lists"].value]]]], "deep": deep,
    ]
    for name in [
      "api_key", "apiKey", "API_KEY", "API-KEY", "Api-Key", "aPIkEY", "password", "PassWord", "pass_word",
      "pass-word", "TOKEN", "token", "to_ken",
    ] { members[name] = self[name].value }
    for kind in [
      "object", "array", "number", "long", "unicode", "control", "pem", "binary in base64", "url", "json",
      "percent", "html",
    ] { members[kind] = ["password": self[kind].value] }
    return .object(members)
  }

  var metadata: JSONValue { ["Token": self["metadata"].value, "a": [["b": ["api-Key": self["deep metadata"].value]]]] }

  /// Which of them stand in those bytes, raw, in lower case, in base64 or in hexadecimal.
  func found(in bytes: [UInt8]) -> [String] {
    let data = Data(bytes)
    return all.values.filter { secret in
      Self.forms(secret.core).contains { data.range(of: Data($0.utf8)) != nil }
    }.map(\.kind).sorted()
  }

  /// By itself, with nothing of what the product does for it.
  private static func forms(_ core: String) -> [String] {
    let aligned = (0...2).map { before in
      let encoded = Data(Array(repeating: UInt8(ascii: "u"), count: before) + Array(core.utf8)).base64EncodedString()
      // Four characters at both ends may hold bits of what stands around.
      return String(encoded.dropFirst(4).dropLast(4))
    }
    let hex = core.utf8.map { String(format: "%02x", $0) }.joined()
    return [core, core.lowercased(), hex, hex.uppercased()] + aligned
  }
}
