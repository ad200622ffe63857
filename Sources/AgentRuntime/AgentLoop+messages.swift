import AgentCore

/// The conversation, rebuilt from the journal.
extension AgentLoop {
  /// What goes into a conversation beside the journal.
  package struct Script: Sendable {
    package var task: AgentTask
    package var definition: AgentDefinition
    /// Those that go with the prompt.
    package var images: [ChatImage]
    /// The schema of the final answer goes into the instructions: the provider is not asked to keep to it.
    package var tellsSchema: Bool
    /// Paths of the input's sealed members, which the instructions name.
    package var references: [String]
    /// Finds the input's sealed values: the prompt may say them once more.
    package var filter: SealedFilter
    /// Replies as they came that the journal seals, by step.
    package var origins: [Int: JSONValue]
    package init(
      task: AgentTask, definition: AgentDefinition, images: [ChatImage] = [], tellsSchema: Bool = false,
      references: [String] = [], filter: SealedFilter = SealedFilter(), origins: [Int: JSONValue] = [:]
    ) {
      (self.task, self.definition, self.images, self.tellsSchema) = (task, definition, images, tellsSchema)
      (self.references, self.filter, self.origins) = (references, filter, origins)
    }
  }

  /// The most of a tool's output that a model is shown; the journal has it whole.
  package static let shownOutputBytes = ToolOutcome.shownBytes

  /// The conversation so far: what resume rebuilds is what was sent the first time.
  package static func messages(
    _ script: Script, history: StepHistory, shape: ConversationShape = ConversationShape()
  ) -> [ChatMessage] {
    var messages: [ChatMessage] = [
      .system(systemText(script)),
      .user(script.filter.filtered(userText(script.task.input)), images: script.images),
    ]
    let steps = history.current
    for (index, step) in steps.enumerated() {
      switch (step.kind, step.status) {
      case (.modelCall, .finished):
        messages.append(reply(step, script.origins[step.number], answeredBy: steps[(index + 1)...], shape))
      case (.toolCall, .finished), (.toolCall, .failed):
        let text = shape.elidedOutputs.contains(step.number) ? outputMarker(step) : shownText(step)
        messages.append(
          .toolResult(
            callID: step.input["call_id"]?.stringValue ?? "", name: step.name, text: text, isError: step.error != nil))
      default: break
      }
    }
    if let repair = shape.repair { messages.append(.user(repair)) }
    return messages
  }

  private static func reply(
    _ step: Step, _ sealed: JSONValue?, answeredBy later: ArraySlice<Step>, _ shape: ConversationShape
  ) -> ChatMessage {
    let text = step.output?["text"]?.stringValue ?? ""
    var calls = calls(of: step)
    var origin = (step.output?["origin"] ?? sealed).flatMap(ReplyOrigin.init(json:))
    // Ids are unique within a reply alone, so only the steps up to the next one answer this one's.
    let answers = later.prefix { $0.kind != .modelCall || $0.status != .finished }
      .filter { shape.elidedArguments.contains($0.number) }
    let elided = Set(answers.compactMap { $0.input["call_id"]?.stringValue })
    for index in calls.indices where elided.contains(calls[index].id) {
      // Also of what goes back as it came: its arguments are those of `calls`.
      origin?.elidedBytes += argumentBytes(calls[index])
      calls[index].arguments = withoutLongTexts(calls[index])
    }
    return .assistant(text: text, calls: calls, origin: origin)
  }

  // MARK: tool outputs

  static func shownText(_ step: Step) -> String {
    if let error = step.error { return cut("\(error.code): \(error.detail)") }
    let text = resultText(step.output ?? .null)
    guard step.name == "file.read" else { return cut(text) }
    return cut(text, fromLine: step.input["arguments"]?["from_line"]?.integerValue ?? 1)
  }

  static func outputMarker(_ step: Step) -> String {
    "[\(shownText(step).utf8.count) bytes of output of step \(step.number) elided]"
  }

  private static func resultText(_ output: JSONValue) -> String {
    output["text"]?.stringValue ?? output.stringValue ?? output.text
  }

  /// At most `shownOutputBytes`, what is missing named in a line at the end; a tool's own last line in brackets, which
  /// says what part of a file was read, stays.
  static func cut(_ text: String) -> String {
    guard text.utf8.count > shownOutputBytes else { return text }
    var end = ""
    if text.hasSuffix("]"), let line = text.split(separator: "\n").last, line.hasPrefix("["), line.utf8.count <= 200 {
      end = "\n\(line)"
    }
    end = "\n[cut: only the first bytes of \(text.utf8.count) are shown; ask for less at a time]" + end
    return beginning(of: text, upTo: shownOutputBytes - end.utf8.count) + end
  }

  /// Room for the line that says how to go on: three numbers and a sentence.
  private static let noteBytes = 160

  /// The same of a file's lines: cut between two of them, and the line at the end says from which to go on, in the words
  /// of the tool's own bound.
  static func cut(_ text: String, fromLine first: Int64) -> String {
    guard text.utf8.count > shownOutputBytes else { return text }
    let room = text.utf8.prefix(shownOutputBytes - noteBytes)
    guard let lastBreak = room.lastIndex(of: UInt8(ascii: "\n")) else {
      let shown = beginning(of: text, upTo: shownOutputBytes - noteBytes)
      return shown + "\n[line \(first), cut within the line: \(text.utf8.count - shown.utf8.count) more bytes]"
    }
    let shown = text[...lastBreak]
    // A model's own number may be any.
    let (last, isOver) = first.addingReportingOverflow(Int64(shown.utf8.count { $0 == UInt8(ascii: "\n") }) - 1)
    guard !isOver, last < Int64.max else { return cut(text) }
    let missing = text.utf8.count - shown.utf8.count
    return "\(shown)[lines \(first)-\(last); cut: \(missing) more bytes, go on with from_line \(last + 1)]"
  }

  /// At most so many bytes of it, and no half character.
  private static func beginning(of text: String, upTo count: Int) -> String {
    var bytes = Array(text.utf8.prefix(count))
    if let start = bytes.lastIndex(where: { $0 & 0xC0 != 0x80 }), String(validating: bytes, as: UTF8.self) == nil {
      bytes.removeSubrange(start...)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: arguments

  /// The arguments of calls that write, by tool: the file has them.
  private static let longTexts = ["file.write": ["text"], "file.edit": ["old", "new"]]

  /// What eliding the arguments of that step's call would save, in bytes.
  static func argumentBytes(_ step: Step) -> Int {
    argumentBytes(ToolCall(id: "", name: step.name, arguments: step.input["arguments"] ?? .null))
  }

  private static func argumentBytes(_ call: ToolCall) -> Int {
    call.arguments.encoded().count - withoutLongTexts(call).encoded().count
  }

  private static func withoutLongTexts(_ call: ToolCall) -> JSONValue {
    guard let names = longTexts[call.name], case .object(var members) = call.arguments else { return call.arguments }
    for name in names {
      guard let text = members[name]?.stringValue else { continue }
      let marker = "[\(text.utf8.count) bytes elided]"
      if marker.utf8.count < text.utf8.count { members[name] = .string(marker) }
    }
    return .object(members)
  }

  // MARK: instructions and prompt

  private static func systemText(_ script: Script) -> String {
    var parts = [script.definition.instructions]
    if !script.references.isEmpty { parts.append(referenceText(script.references)) }
    if script.tellsSchema, let schema = script.task.outputSchema { parts.append(OutputInstruction.text(schema)) }
    return parts.joined(separator: "\n\n")
  }

  /// References that a model is told of; more make no prompt.
  private static let maximumReferences = 100

  private static func referenceText(_ paths: [String]) -> String {
    let references = paths.prefix(maximumReferences).map(SealedReference.text).joined(separator: "\n")
    return """
      Some values of this task's input are sealed: you see \(SealedMember.placeholder) in their place. Where a tool needs \
      one, write its reference, which is replaced when the tool is called: in `url`, `headers` and `body` of \
      http_request, in `text` of file_write, in `old` and `new` of file_edit. The references are:
      \(references)
      """
  }

  /// The prompt, and beneath it the input's other members as JSON; pictures go beside it.
  private static func userText(_ input: JSONValue) -> String {
    guard case .object(var members) = input else { return input.stringValue ?? "" }
    let prompt = members.removeValue(forKey: "prompt")?.stringValue ?? ""
    members["images"] = nil
    return members.isEmpty ? prompt : "\(prompt)\n\n\(JSONValue.object(members).text)"
  }
}
