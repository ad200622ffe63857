import AgentCore

/// A task, put together for people.
enum TaskReport {
  /// Files beyond this are counted, not named.
  private static let maximumFiles = 200

  /// What stands below a finished run: the answer, the files, or why there is none. `shownReply`: what the terminal
  /// has shown already of the answer.
  static func ending(_ task: JSONValue, paint: Paint, shownReply: String = "") -> String {
    var text = ""
    let answer = task["output"]?["text"]?.stringValue ?? ""
    if !answer.isEmpty, answer != shownReply {
      text += "\n" + TerminalText.block(answer)
      if !answer.hasSuffix("\n") { text += "\n" }
    }
    let files = task["output"]?["files"]?.arrayValue ?? []
    if !files.isEmpty { text += "\n" }
    for file in files.prefix(maximumFiles) {
      let size = file["size"]?.integerValue.map { "  " + Quantity.bytes($0) } ?? ""
      text += "  \(TerminalText.line(file["path"]?.stringValue ?? ""))\(paint(.dim, size))\n"
    }
    if files.count > maximumFiles { text += "  and \(files.count - maximumFiles) more\n" }
    return text + "\n" + summary(task, paint)
  }

  /// `task-17 completed  812 tokens in, 45 out  3.4 s`
  private static func summary(_ task: JSONValue, _ paint: Paint) -> String {
    let status = TerminalText.line(task["status"]?.stringValue ?? "unknown")
    var parts = [
      TerminalText.line(task["id"]?.stringValue ?? "task") + " "
        + paint(Paint.colour(ofStatus: status), status) + TaskStory.failure(task["error"])
    ]
    if let tokens = tokens(task["usage"]) { parts.append(tokens) }
    if let time = workTime(task) { parts.append(Quantity.time(time)) }
    return parts.joined(separator: "  ") + "\n"
  }

  static func tokens(_ usage: JSONValue?) -> String? {
    guard let input = usage?["input_tokens"]?.integerValue, let output = usage?["output_tokens"]?.integerValue,
      input + output > 0
    else { return nil }
    return "\(input) tokens in, \(output) out"
  }

  /// From its first start to its end; nil while it has none.
  static func workTime(_ task: JSONValue) -> Duration? {
    guard let start = moment(task["started_at"]), let end = moment(task["finished_at"]) else { return nil }
    return .milliseconds(end.milliseconds - start.milliseconds)
  }

  private static func moment(_ json: JSONValue?) -> Timestamp? {
    json?.stringValue.flatMap(Timestamp.init(rfc3339:))
  }

  /// `2026-11-24 23:30:53`, in UTC; empty for null.
  static func time(_ json: JSONValue?) -> String {
    guard let text = moment(json)?.text else { return TerminalText.line(json?.stringValue ?? "") }
    return String(text.prefix(19)).replacing("T", with: " ")
  }

  /// What the task asks, in one line.
  static func prompt(_ task: JSONValue) -> String {
    let input = task["input"]
    if let omitted = input?["omitted_bytes"]?.integerValue { return "(\(Quantity.bytes(omitted)))" }
    let text = TerminalText.line(input?.stringValue ?? input?["prompt"]?.stringValue ?? "")
    return String(text.reversed().drop { $0 == " " }.reversed())
  }

  /// `task show`: a line for each member that says something, then the input and the output.
  static func page(_ task: JSONValue, paint: Paint) -> String {
    var page = MemberPage(paint)
    page.add("task", task["id"])
    let status = task["status"]?.stringValue ?? ""
    page.add("status", text: status, Paint.colour(ofStatus: status))
    for name in ["agent", "owner", "folder"] { page.add(name, task[name]) }
    if let wait = task["waiting"], wait != .null {
      var text = wait["reason"]?.stringValue ?? ""
      if let step = wait["step"]?.integerValue { text += ", step \(step)" }
      if let until = wait["until"]?.stringValue { text += ", until \(until)" }
      page.add("waits for", text: text, .yellow)
    }
    if let error = Failure(json: task["error"]) { page.add("error", text: "\(error.code): \(error.detail)", .red) }
    page.add("priority", task["priority"])
    let labels = (task["labels"]?.objectValue ?? [:]).sorted { $0.key < $1.key }
    if !labels.isEmpty {
      page.add("labels", text: labels.map { "\($0.key):\($0.value.stringValue ?? "")" }.joined(separator: " "))
    }
    if let attempt = task["attempt"]?.integerValue {
      page.add("attempt", text: "\(attempt) of \(task["max_attempts"]?.integerValue ?? attempt)")
    }
    for (title, name) in [
      ("created", "created_at"), ("started", "started_at"), ("finished", "finished_at"), ("not before", "run_after"),
      ("cancel asked", "cancel_requested_at"),
    ] {
      let text = time(task[name])
      if !text.isEmpty { page.add(title, text: text + " UTC") }
    }
    if let time = workTime(task) { page.add("took", text: Quantity.time(time)) }
    page.add("usage", text: usage(task["usage"]))
    page.block("input", task["input"]?.stringValue ?? task["input"]?["prompt"]?.stringValue ?? task["input"]?.text)
    page.block("output", task["output"]?["text"]?.stringValue)
    let files = task["output"]?["files"]?.arrayValue ?? []
    page.block(
      "files",
      files.isEmpty ? nil : files.prefix(maximumFiles).map { $0["path"]?.stringValue ?? "" }.joined(separator: "\n"))
    return page.text
  }

  private static func usage(_ usage: JSONValue?) -> String {
    var parts: [String] = []
    if let calls = usage?["llm_calls"]?.integerValue { parts.append("model calls: \(calls)") }
    if let calls = usage?["tool_calls"]?.integerValue { parts.append("tool calls: \(calls)") }
    if let tokens = tokens(usage) { parts.append(tokens) }
    if let cost = usage?["cost_usd"], cost != .null { parts.append("\(cost.stringValue ?? cost.text) USD") }
    return parts.joined(separator: ", ")
  }
}
