/// Streams in the form in which OpenAI's chat completions and the servers of its dialect send them, shortened; written
/// after the API's reference and after traffic of llama.cpp's server (build 11549) and Ollama.
enum OpenAIFixtures {
  private static func chunk(_ delta: String, finish: String = "null", more: String = "") -> String {
    #"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-x-1","system_fingerprint":"fp","#
      + #""choices":[{"index":0,"delta":\#(delta),"logprobs":null,"finish_reason":\#(finish)}]\#(more)}"#
  }

  static let usage =
    #"{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt-x-1","choices":[],"usage":{"prompt_tokens":20,"#
    + #""completion_tokens":9,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":8,"audio_tokens":0},"#
    + #""completion_tokens_details":{"reasoning_tokens":4}}}"#

  static let text = openAIStream([
    chunk(#"{"role":"assistant","content":"","refusal":null}"#, more: #","usage":null"#),
    chunk(#"{"content":"Grüß "}"#),
    chunk(#"{"content":"dich, 漢字 \ud83d\ude00"}"#), chunk("{}", finish: #""stop""#), usage,
  ])

  static let parallelCalls = openAIStream([
    chunk(
      #"{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"file_read","arguments":""}}]}"#
    ),
    chunk(#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"path\":"}}]}"#),
    chunk(#"{"tool_calls":[{"index":0,"function":{"arguments":"\"a.txt\"}"}}]}"#),
    chunk(
      #"{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"file_read","arguments":""}}]}"#),
    chunk(#"{"tool_calls":[{"index":1,"function":{"arguments":"{\"path\":\"b.txt\"}"}}]}"#),
    chunk("{}", finish: #""tool_calls""#), usage,
  ])

  static let refusal = openAIStream([
    chunk(#"{"role":"assistant","content":null,"refusal":""}"#), chunk(#"{"refusal":"I cannot "}"#),
    chunk(#"{"refusal":"do that."}"#), chunk("{}", finish: #""stop""#), usage,
  ])

  /// DeepSeek's and llama.cpp's member for thoughts, a member nobody knows, Gemini's signature on a call.
  static let extraMembers = openAIStream([
    chunk(#"{"role":"assistant","content":null,"reasoning_content":"Let me "}"#),
    chunk(#"{"reasoning_content":"see.","mood":{"level":1}}"#), chunk(#"{"content":"Yes."}"#),
    chunk(
      #"{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"file_list","arguments":"{}"},"extra_content":{"google":{"thought_signature":"sig"}}}]}"#
    ),
    chunk("{}", finish: #""tool_calls""#), usage,
  ])

  /// Comments while the prompt is read, ids without a prefix, arguments in fragments of one token, `timings`.
  static let llamaCalls =
    ": keep-alive\n\n:\n\n"
    + openAIStream([
      #"{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1,"id":"chatcmpl-9","model":"gpt-3.5-turbo","object":"chat.completion.chunk"}"#,
      #"{"choices":[{"finish_reason":null,"index":0,"delta":{"tool_calls":[{"index":0,"id":"ZqX81","type":"function","function":{"name":"file_read","arguments":"{"}}]}}],"model":"gpt-3.5-turbo"}"#,
      #"{"choices":[{"finish_reason":null,"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"path"}}]}}]}"#,
      #"{"choices":[{"finish_reason":null,"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\": \"a\"}"}}]}}]}"#,
      #"{"choices":[{"finish_reason":"tool_calls","index":0,"delta":{}}]}"#,
      #"{"choices":[],"model":"gpt-3.5-turbo","usage":{"completion_tokens":12,"prompt_tokens":80,"total_tokens":92},"timings":{"prompt_n":80,"predicted_ms":10.5}}"#,
    ])

  static let ollamaCalls = openAIStream([
    #"{"id":"chatcmpl-3","object":"chat.completion.chunk","model":"llama3","choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[{"id":"call_1","index":0,"type":"function","function":{"name":"file_read","arguments":"{\"path\":\"a\"}"}}]},"finish_reason":null}]}"#,
    #"{"id":"chatcmpl-3","object":"chat.completion.chunk","model":"llama3","choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[{"id":"call_2","index":0,"type":"function","function":{"name":"file_list","arguments":"{}"}}]},"finish_reason":null}]}"#,
    #"{"id":"chatcmpl-3","object":"chat.completion.chunk","model":"llama3","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}"#,
  ])

  static let whole = #"""
    {"id":"chatcmpl-4","object":"chat.completion","created":1,"model":"gpt-x-1","choices":[{"index":0,"message":
    {"role":"assistant","content":"Hi.","refusal":null,"annotations":[],"tool_calls":[{"id":"call_a","type":"function",
    "function":{"name":"file_read","arguments":"{\"path\":\"a\"}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],
    "usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}
    """#
}
