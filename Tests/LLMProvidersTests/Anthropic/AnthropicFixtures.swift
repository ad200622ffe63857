/// Streams in the form in which Anthropic's messages come, written after the API's reference.
enum AnthropicFixtures {
  static let start =
    #"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x-1","#
    + #""content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":20,"cache_creation_input_tokens":5,"#
    + #""cache_read_input_tokens":100,"output_tokens":1,"service_tier":"standard"}}}"#
  static let stop = #"{"type":"message_stop"}"#

  static func end(_ reason: String) -> String {
    #"{"type":"message_delta","delta":{"stop_reason":"\#(reason)","stop_sequence":null},"usage":{"output_tokens":15}}"#
  }

  static func textBlock(_ index: Int, _ pieces: [String]) -> [String] {
    [#"{"type":"content_block_start","index":\#(index),"content_block":{"type":"text","text":""}}"#]
      + pieces.map {
        #"{"type":"content_block_delta","index":\#(index),"delta":{"type":"text_delta","text":"\#($0)"}}"#
      } + [#"{"type":"content_block_stop","index":\#(index)}"#]
  }

  static func callBlock(_ index: Int, _ id: String, _ name: String, _ pieces: [String]) -> [String] {
    [
      #"{"type":"content_block_start","index":\#(index),"content_block":{"type":"tool_use","id":"\#(id)","name":"\#(name)","input":{}}}"#
    ]
      + pieces.map {
        #"{"type":"content_block_delta","index":\#(index),"delta":{"type":"input_json_delta","partial_json":"\#($0)"}}"#
      } + [#"{"type":"content_block_stop","index":\#(index)}"#]
  }

  static let ping = #"{"type":"ping"}"#

  static let text = anthropicStream(
    [start, ping] + textBlock(0, ["Grüß ", #"dich, 漢字 \ud83d\ude00"#]) + [end("end_turn"), stop])

  static let thinkingAndCalls = anthropicStream(
    [
      start,
      #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
      #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let me "}}"#,
      #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"see."}}"#,
      #"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#,
      #"{"type":"content_block_stop","index":0}"#,
      #"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"b3BhcXVl"}}"#,
      #"{"type":"content_block_stop","index":1}"#, ping,
    ] + textBlock(2, ["I read both."])
      + callBlock(3, "toolu_1", "file_read", ["", #"{\"path\":"#, #" \"a.txt\"}"#])
      + callBlock(4, "toolu_2", "file_list", [])
      + [#"{"type":"later_kind","index":9}"#, end("tool_use"), stop])

  static let whole = #"""
    {"id":"msg_2","type":"message","role":"assistant","model":"claude-x-1","content":[{"type":"text","text":"Hi."},
    {"type":"tool_use","id":"toolu_1","name":"file_read","input":{"path":"a"}}],"stop_reason":"tool_use",
    "stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":7}}
    """#
}
