import AgentCore
import AgentRuntime
import FoundationEssentials
import HTTPTypes

/// Reads `{agent, input, files?, folder?, output_schema?, priority?, labels?, timeout_seconds?, max_attempts?, limits?,
/// metadata?}`. Shapes only: the rules are the service's.
enum TaskDraftReader {
  /// Files of one task; the workspace's own bound is lower or equal.
  private static let maximumFiles = 1000

  static func draft(_ body: JSONValue, head: HTTPRequest) throws(APIError) -> TaskDraft {
    var reader = FieldReader(body)
    let draft = read(&reader, at: "", traceparent: traceparent(head))
    guard let draft, reader.problems.isEmpty else { throw APIError("invalid_field", fields: reader.problems) }
    return draft
  }

  /// `{"tasks":[…]}`; pointers begin with `/tasks/N`.
  static func drafts(_ body: JSONValue, head: HTTPRequest) throws(APIError) -> [TaskDraft] {
    var reader = FieldReader(body)
    let items = reader.value("tasks")
    reader.refuseUnknown()
    guard let items = items?.arrayValue else {
      if body.objectValue != nil { reader.refuse("tasks", "an array of tasks") }
      throw APIError("invalid_field", fields: reader.problems)
    }
    guard items.count <= TaskDraft.Bounds.batch else {
      throw APIError("batch_too_large", "at most \(TaskDraft.Bounds.batch) tasks in a batch")
    }
    var drafts: [TaskDraft] = []
    let traceparent = traceparent(head)
    for (index, item) in items.enumerated() {
      let pointer = "/tasks/\(index)"
      var inner = FieldReader(item, at: pointer)
      if let draft = read(&inner, at: pointer, traceparent: traceparent) { drafts.append(draft) }
      reader.add(inner)
    }
    guard reader.problems.isEmpty else { throw APIError("invalid_field", fields: reader.problems) }
    return drafts
  }

  private static func read(_ reader: inout FieldReader, at pointer: String, traceparent: String?) -> TaskDraft? {
    guard reader.problems.isEmpty else { return nil }
    let (agent, input) = (reader.text("agent"), reader.value("input"))
    let problemsBefore = reader.problems.count
    var draft = TaskDraft(agent: AgentID(agent ?? ""), input: input ?? .null)
    draft.files = files(&reader, at: pointer)
    draft.folder = reader.text("folder")
    draft.outputSchema = reader.value("output_schema")
    draft.priority = reader.integer("priority")
    draft.labels = reader.texts("labels") ?? [:]
    draft.timeoutSeconds = reader.integer("timeout_seconds")
    draft.maxAttempts = reader.integer("max_attempts")
    draft.limits = limits(&reader, at: pointer)
    draft.metadata = reader.value("metadata") ?? .null
    draft.traceparent = traceparent
    reader.refuseUnknown()
    if agent == nil, !reader.problems.prefix(problemsBefore).contains(where: { $0.pointer == "\(pointer)/agent" }) {
      reader.refuse("agent", "is required: the name of an agent")
    }
    if input == nil { reader.refuse("input", "is required: text, or an object with a member `prompt`") }
    return agent == nil || input == nil ? nil : draft
  }

  private static func files(_ reader: inout FieldReader, at pointer: String) -> [WorkspaceUpload] {
    var uploads: [WorkspaceUpload] = []
    var total = 0
    for (index, item) in (reader.array("files", upTo: maximumFiles) ?? []).enumerated() {
      var file = FieldReader(item, at: "\(pointer)/files/\(index)")
      let (path, text, base64) = (file.text("path"), file.text("text"), file.text("base64"))
      file.refuseUnknown()
      if path == nil { file.refuse("path", "is required: where the file goes") }
      if (text == nil) == (base64 == nil) { file.refuse("text", "either `text` or `base64`") }
      var bytes = text.map { Array($0.utf8) }
      if let base64 {
        bytes = Data(base64Encoded: base64).map { Array($0) }
        if bytes == nil { file.refuse("base64", "base64 with padding (RFC 4648, section 4)") }
      }
      total += bytes?.count ?? 0
      if total > TaskDraft.Bounds.filesBytes {
        file.refuse(
          text == nil ? "base64" : "text", "with this one the files are over \(TaskDraft.Bounds.filesBytes) bytes")
        reader.add(file)
        break
      }
      if let path, let bytes, file.problems.isEmpty { uploads.append(WorkspaceUpload(path: path, bytes: bytes)) }
      reader.add(file)
    }
    return uploads
  }

  private static func limits(_ reader: inout FieldReader, at pointer: String) -> TaskLimits {
    guard let value = reader.value("limits") else { return TaskLimits() }
    var inner = FieldReader(value, at: "\(pointer)/limits")
    var limits = TaskLimits()
    limits.steps = inner.integer("steps", in: 1...Int.max)
    limits.modelCalls = inner.integer("model_calls", in: 1...Int.max)
    limits.tokens = inner.integer("tokens", in: 1...Int.max).map { Int64($0) }
    let (wallTime, seconds) = (inner.value("wall_time"), inner.value("wall_time_seconds"))
    if let wallTime {
      limits.wallTime = wallTime.stringValue.flatMap(DurationText.parse) ?? self.seconds(wallTime)
      if limits.wallTime == nil { inner.refuse("wall_time", "a time like 90s or 15m, or a number of seconds") }
    } else if let seconds {
      limits.wallTime = self.seconds(seconds)
      if limits.wallTime == nil { inner.refuse("wall_time_seconds", "a number of seconds") }
    }
    if limits.wallTime.map({ $0 <= .zero }) ?? false { inner.refuse("wall_time", "longer than nothing") }
    inner.refuseUnknown()
    reader.add(inner)
    return limits
  }

  /// At most as long as a task may take.
  private static func seconds(_ value: JSONValue) -> Duration? {
    guard let seconds = value.doubleValue, seconds >= 0, seconds <= Double(TaskDraft.Bounds.timeoutSeconds.upperBound)
    else { return nil }
    return .milliseconds(Int64(seconds * 1000))
  }

  /// W3C Trace Context, section 3.2: kept when it has the shape of version 00, else dropped, as that page asks.
  static func traceparent(_ head: HTTPRequest) -> String? {
    guard let text = head.headerFields[traceparentField] else { return nil }
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.map(\.utf8.count) == [2, 32, 16, 2], parts[0] == "00",
      text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) || $0 == UInt8(ascii: "-") }),
      parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
    else { return nil }
    return text
  }

  private static let traceparentField = RequestName.fieldName("traceparent")
}
