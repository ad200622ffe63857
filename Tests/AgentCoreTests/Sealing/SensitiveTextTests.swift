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
    #expect(text.values == [["a": "b"], [1, "c"], "\"open"])
  }
}
