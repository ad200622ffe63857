@testable import AgentSystem

/// A task's stream in the shape that the contract gives it, written by hand: a model call, a tool call, a last reply.
enum RecordedEvents {
  static let opening = "id: 40\n\n"

  static let numbered: [(id: Int, name: String, data: String)] = [
    (41, "task.submitted", #"{"task":"task-7","at":"2026-11-24T23:30:50.000Z","input":"fix the title"}"#),
    (42, "task.started", #"{"task":"task-7","at":"2026-11-24T23:30:50.100Z","attempt":1}"#),
    (
      44, "step.started",
      #"{"task":"task-7","at":"2026-11-24T23:30:50.200Z","step":1,"kind":"model_call","name":"sandbox","effect":"pure","attempt":1}"#
    ),
    (
      45, "step.finished",
      #"{"task":"task-7","at":"2026-11-24T23:30:51.700Z","step":1,"kind":"model_call","name":"sandbox","effect":"pure","attempt":1,"usage":{"input_tokens":812,"output_tokens":45,"cost_nanousd":null,"estimated":false},"output":{"text":"I look.","tool_calls":[{"name":"file.read"}]}}"#
    ),
    (
      46, "step.started",
      #"{"task":"task-7","at":"2026-11-24T23:30:51.800Z","step":2,"kind":"tool_call","name":"file.read","effect":"pure","attempt":1,"input":{"call_id":"c1","arguments":{"path":"README.md"}}}"#
    ),
    (
      49, "step.finished",
      #"{"task":"task-7","at":"2026-11-24T23:30:51.812Z","step":2,"kind":"tool_call","name":"file.read","effect":"pure","attempt":1,"output":{"text":"A title\n"}}"#
    ),
    (
      50, "step.started",
      #"{"task":"task-7","at":"2026-11-24T23:30:52.000Z","step":3,"kind":"model_call","name":"sandbox","effect":"pure","attempt":1}"#
    ),
    (
      51, "step.finished",
      #"{"task":"task-7","at":"2026-11-24T23:30:53.000Z","step":3,"kind":"model_call","name":"sandbox","effect":"pure","attempt":1,"usage":{"input_tokens":900,"output_tokens":4,"cost_nanousd":null,"estimated":false},"output":{"text":"Done.\nReally.","tool_calls":[]}}"#
    ),
    (
      52, "task.completed",
      #"{"task":"task-7","at":"2026-11-24T23:30:53.001Z","output":{"text":"Done.\nReally.","files":[]}}"#
    ),
  ]

  static let end = "event: end\ndata: {\"task\":\"task-7\"}\n\n"

  static func delta(_ step: Int, _ text: String) -> String {
    "event: delta\ndata: {\"task\":\"task-7\",\"step\":\(step),\"attempt\":1,\"text\":\"\(text)\"}\n\n"
  }

  /// The stream from that number on, exclusive; nothing after `last`.
  static func stream(after id: Int = 40, upTo last: Int = .max) -> String {
    numbered.filter { $0.id > id && $0.id <= last }.map { "id: \($0.id)\nevent: \($0.name)\ndata: \($0.data)\n\n" }
      .joined()
  }

  static var whole: String { opening + stream() + end }

  static func task(_ status: String, error: String = "null") -> String {
    #"{"id":"task-7","agent":"coder","status":"\#(status)","owner":"ann","input":"fix the title","error":\#(error),"#
      + #""output":\#(status == "completed" ? #"{"text":"Done.\nReally.","files":[{"path":"docs/README.md","size":2048}]}"# : "null"),"#
      + #""created_at":"2026-11-24T23:30:50.000Z","started_at":"2026-11-24T23:30:50.100Z","#
      + #""finished_at":"2026-11-24T23:30:53.100Z","priority":5,"labels":{"team":"web"},"attempt":1,"max_attempts":3,"#
      + #""usage":{"input_tokens":1712,"output_tokens":49,"cost_usd":null,"llm_calls":2,"tool_calls":1}}"#
  }
}
