import AgentCore
import Testing

@Suite struct SensitiveTextTests {
  private static let fields = SensitiveFields(["api_key", "password", "token"])

  private static let texts: [(String, String)] =
    [
      (#"{"a":1e2, "password" : "x\"y" ,"b":[1.0]}"#, #"{"a":1e2, "password" : "[sealed]" ,"b":[1.0]}"#),
      (#"{"API-KEY":12,"max_tokens":5,"tokens":"t"}"#, #"{"API-KEY":"[sealed]","max_tokens":5,"tokens":"t"}"#),
      (#"{"a":{"b":[{"apiKey":{"deep":["x","]"]}}]}}"#, #"{"a":{"b":[{"apiKey":"[sealed]"}]}}"#),
      (#"{"password":"one","password":"two"}"#, #"{"password":"[sealed]","password":"[sealed]"}"#),
      ("{\"token\":1}\n{\"token\":true}\n", "{\"token\":\"[sealed]\"}\n{\"token\":\"[sealed]\"}\n"),
      (#"{"a":1,"token":"cut off"#, #"{"a":1,"token":"[sealed]""#),
      (#"{"token":{"a":[1,"cut"#, #"{"token":"[sealed]""#),
      (#"{"pass\u0077ord":"x"}"#, #"{"pass\u0077ord":"[sealed]"}"#),
      (#"data: {"token": null}"#, #"data: {"token": "[sealed]"}"#),
      (#"{"inner":"{\"token\":\"x\",\"b\":1}"}"#, #"{"inner":"{\"token\":\"[sealed]\",\"b\":1}"}"#),
      (
        #"{"password":"{{input.api_key}}","token":"[sealed]"}"#, #"{"password":"{{input.api_key}}","token":"[sealed]"}"#
      ),
      (#"no JSON: "token", 'password': x"#, #"no JSON: "token", 'password': x"#),
      ("", ""), ("\"", "\""), (#"{"token":"#, #"{"token":"#), (#"{"token":}"#, #"{"token":}"#),
    ]

  @Test("sensitive members of JSON in a text are hidden, and the rest stays byte for byte", arguments: texts)
  func masked(text: String, shown: String) {
    #expect(SensitiveText(text, Self.fields).shown == shown)
  }

  @Test("what is hidden is told") func values() {
    let text = SensitiveText(#"[{"password":{"a":"b"}},{"token":[1,"c"]},{"api_key":"open"#, Self.fields)
    #expect(text.values == [["a": "b"], [1, "c"], "open"])
  }

  /// A text, the words that are hidden of it, and what is read of the value that it ends in.
  private static let tornTexts: [(text: String, words: [String], end: String?)] = [
    (#"{"token":"whole""#, ["whole"], nil), (#"{"token":"be"#, ["be"], "be"), (#"{"token":""#, [], ""),
    (#"{"token":"#, [], ""), (#"{"token" : "#, [], ""), (#"{"token"#, [], nil), (#"{"token":12"#, ["12"], "12"),
    (#"{"token":12}"#, ["12"], nil), (#"{"token":"a\u00"#, ["a"], "a"), (#"{"token":"a\"#, ["a"], "a"),
    (#"{"token":"x\ud83d\ud"#, ["x"], "x"), (#"{"token":"q\"uote\\"#, [#"q"uote\"#], #"q"uote\"#),
    (#"{"token":"bad \q"}"#, [#"bad \q"#], nil), (#"{"token":"bad \q"#, ["bad "], "bad "),
    (#"{"token":{"a":"one","b":["two",3,"th"#, ["one", "two", "3", "th"], "th"),
    (#"{"token":["one","#, ["one"], ""), (#"{"token":{"a":1,"a":"two"}}"#, ["1", "two"], nil),
    (#"{"token":bare-word"#, ["bare-word"], "bare-word"),
    (#"{"inner":"{\"token\":\"be"#, ["be"], "be"), (#"{"inner":"{\"token\":\"whole\"}"#, ["whole"], nil),
    (#"{"inner":"{\"token\":\"a\\n\\"#, ["a\n"], "a\n"),
    (#"{"inner":"{\"token\":\"be"}"#, ["be"], nil), (#"{"a":"be"#, [], nil), ("", [], nil),
  ]

  @Test("of a value that is no JSON, or is cut, each word is told, and what the text ends with", arguments: tornTexts)
  func torn(text: String, words: [String], end: String?) {
    let read = SensitiveText(text, Self.fields)
    #expect(read.values.flatMap(\.leafTexts) == words && read.tornEnd == end)
    #expect(words.allSatisfy { $0.count < 2 || !read.shown.contains($0) }, "\(read.shown)")
  }
}
