import AgentCore

/// Tells a task's events as sentences: what `run` shows in a pipe and `task logs` always.
struct TaskStory: Sendable {
  private struct OpenStep: Sendable {
    var title: String
    var at: Timestamp?
  }
  private var open: [Int64: OpenStep] = [:]

  /// Arguments longer than this are cut: the step's own page has them whole.
  private static let maximumArgumentColumns = 60
  private static let maximumPromptColumns = 200
  /// Steps whose start was seen and whose end was not; a task has one at a time.
  private static let maximumOpenSteps = 64

  /// A line and what it is about.
  struct Line: Sendable, Equatable {
    /// Safe to show.
    var text: String
    var colour: Paint.Colour?
  }

  /// The line that an event adds; nil for a step's start and for what is shown live only.
  mutating func line(for event: TaskEvent) -> Line? {
    let json = event.json
    switch event.name {
    case "step.started":
      started(event)
      return nil
    case "step.finished", "step.failed", "step.in_doubt", "step.resolved": return stepLine(event)
    case "task.submitted": return submitted(json)
    case "task.started": return Line(text: "started, attempt \(json["attempt"]?.integerValue ?? 1)")
    case "task.waiting": return waiting(json)
    case "task.resumed": return Line(text: "goes on")
    case "task.retrying": return retrying(json)
    case "task.requeued":
      return Line(text: "put back into the queue" + Self.suffix(json["reason"]), colour: .yellow)
    case "task.cancelling": return Line(text: "is being cancelled", colour: .yellow)
    case "task.completed": return Line(text: "completed", colour: .green)
    case "task.failed": return Line(text: "failed" + Self.failure(json["error"]), colour: .red)
    case "task.cancelled": return Line(text: "cancelled", colour: .yellow)
    case "gap": return Line(text: "some events are no longer kept", colour: .yellow)
    case "end": return json["reason"]?.stringValue.map { Line(text: TerminalText.line($0), colour: .yellow) }
    case "delta": return nil
    default: return Line(text: TerminalText.line(event.name))
    }
  }

  /// `[3] file.read README.md`: of a step that has started and not ended.
  func openTitle(of step: Int64) -> String? { open[step]?.title }

  private mutating func started(_ event: TaskEvent) {
    guard let step = event.step else { return }
    if open.count >= Self.maximumOpenSteps { open = [:] }
    var title = "[\(step)] \(Self.name(event.json))"
    let input = event.json["input"]
    if event.json["kind"] != "model_call" {
      let arguments = Self.shortArguments(input?["arguments"] ?? .null)
      if !arguments.isEmpty { title += " " + arguments }
    }
    if let attempt = event.json["attempt"]?.integerValue, attempt > 1 { title += " (try \(attempt))" }
    open[step] = OpenStep(title: title, at: event.at)
  }

  private mutating func stepLine(_ event: TaskEvent) -> Line? {
    let step = event.step ?? 0
    let known = open.removeValue(forKey: step)
    var parts = [known?.title ?? "[\(step)] \(Self.name(event.json))"]
    let error = Self.failure(event.json["error"])
    switch event.name {
    case "step.finished": parts += measures(event, since: known?.at)
    case "step.failed":
      return Line(text: parts[0] + "  failed" + error, colour: .red)
    case "step.in_doubt":
      return Line(text: parts[0] + "  in doubt" + error, colour: .red)
    default:
      let action = TerminalText.line(event.json["action"]?.stringValue ?? "")
      return Line(text: parts[0] + "  resolved as " + action, colour: .yellow)
    }
    return Line(text: parts.joined(separator: "  "))
  }

  private func measures(_ event: TaskEvent, since start: Timestamp?) -> [String] {
    var parts: [String] = []
    if event.json["kind"] == "model_call" {
      if let usage = event.json["usage"].flatMap(ModelUsage.init(json:)) {
        parts.append("\(usage.inputTokens) tokens in, \(usage.outputTokens) out")
      }
      if let calls = event.json["output"]?["tool_calls"]?.arrayValue, !calls.isEmpty {
        parts.append(calls.count == 1 ? "asks for 1 tool" : "asks for \(calls.count) tools")
      }
    } else if let size = Self.size(of: event.json["output"]) {
      parts.append(Quantity.bytes(size))
    }
    if let start, let end = event.at {
      parts.append(Quantity.time(.milliseconds(end.milliseconds - start.milliseconds)))
    }
    return parts
  }

  private func submitted(_ json: JSONValue) -> Line {
    let input = json["input"]
    let prompt = input?.stringValue ?? input?["prompt"]?.stringValue ?? ""
    let text = DisplayWidth.fitted(TerminalText.line(prompt), to: Self.maximumPromptColumns)
    return Line(text: text.isEmpty ? "submitted" : "submitted: \(text)")
  }

  private func waiting(_ json: JSONValue) -> Line {
    var text = "waits" + Self.suffix(json["reason"])
    if let until = json["until"]?.stringValue { text += " until \(TerminalText.line(until))" }
    if let step = json["step"]?.integerValue { text += ", step \(step)" }
    return Line(text: text, colour: .yellow)
  }

  private func retrying(_ json: JSONValue) -> Line {
    var text = "tries again, attempt \(json["attempt"]?.integerValue ?? 2)"
    if let from = json["from"]?.integerValue { text += ", from step \(from)" }
    if let moment = json["run_after"]?.stringValue { text += ", not before \(TerminalText.line(moment))" }
    return Line(text: text + Self.failure(json["error"]), colour: .yellow)
  }
}

extension TaskStory {
  /// `file.read`, or `model sandbox` for a model call.
  static func name(_ json: JSONValue) -> String {
    let name = TerminalText.line(json["name"]?.stringValue ?? "step")
    return json["kind"] == "model_call" ? "model \(name)" : name
  }

  /// The arguments of a tool in a few words: the value alone where there is one, else `name=value`.
  static func shortArguments(_ arguments: JSONValue) -> String {
    guard let members = arguments.objectValue, !members.isEmpty else { return "" }
    if members["omitted_bytes"] != nil { return "…" }
    func short(_ value: JSONValue) -> String { TerminalText.line(value.stringValue ?? value.text) }
    // The path says most of what a file's tool does.
    let order = members.keys.sorted { ($0 == "path" ? "" : $0) < ($1 == "path" ? "" : $1) }
    let text: String
    if members.count == 1, let value = members.values.first {
      text = short(value)
    } else {
      text = order.map {
        $0 == "path" ? short(members[$0] ?? .null) : "\(TerminalText.line($0))=\(short(members[$0] ?? .null))"
      }
      .joined(separator: " ")
    }
    return DisplayWidth.fitted(text, to: maximumArgumentColumns)
  }

  /// `: code: detail`, safe to show; empty where there is no error.
  static func failure(_ json: JSONValue?) -> String {
    guard let failure = Failure(json: json) else { return "" }
    let detail = failure.detail.isEmpty ? "" : ": " + TerminalText.line(failure.detail)
    return ": " + TerminalText.line(failure.code) + detail
  }

  private static func suffix(_ json: JSONValue?) -> String {
    json?.stringValue.map { ": " + TerminalText.line($0) } ?? ""
  }

  private static func size(of output: JSONValue?) -> Int64? {
    guard let output, output != .null else { return nil }
    if let omitted = output["omitted_bytes"]?.integerValue { return omitted }
    if let text = output["text"]?.stringValue ?? output.stringValue { return Int64(text.utf8.count) }
    return Int64(output.encoded().count)
  }
}
