import AgentCore

/// How a task's parts stand in its rows: `task.submitted` has what was asked, `task.completed` and `task.failed` how it
/// ended.
extension NewTask {
  /// `{"agent","priority","labels","folder","limits","max_attempts","timeout_seconds","traceparent","sizes"}`
  var submittedHead: JSONValue {
    [
      "agent": .string(agent.name), "priority": JSONValue(priority),
      "labels": .object(labels.mapValues(JSONValue.string)), "folder": JSONValue(folder), "limits": limits.json,
      "max_attempts": JSONValue(maxAttempts), "timeout_seconds": JSONValue(timeoutSeconds),
      "traceparent": JSONValue(traceparent),
      "sizes": ["input": JSONValue(input.encoded().count), "metadata": JSONValue(metadata.encoded().count)],
    ]
  }

  /// `{"input","metadata","output_schema"}`; a schema that was not given is left out.
  var submittedBody: JSONValue {
    var members: [String: JSONValue] = ["input": input, "metadata": metadata]
    if let outputSchema { members["output_schema"] = outputSchema }
    return .object(members)
  }
}

extension TaskOutput {
  /// `{"text":…,"json":…,"files":[{"path":…,"size":…}]}`; `json` is left out where there is none.
  var storedJSON: JSONValue {
    var members: [String: JSONValue] = [
      "text": .string(text),
      "files": .array(files.map { ["path": .string($0.path), "size": .integer($0.size)] }),
    ]
    if let json { members["json"] = json }
    return .object(members)
  }

  /// Reads what `storedJSON` wrote.
  init?(storedJSON: JSONValue?) {
    guard let text = storedJSON?["text"]?.stringValue else { return nil }
    let files = storedJSON?["files"]?.arrayValue ?? []
    self.init(
      text: text, json: storedJSON?["json"],
      files: files.compactMap { file in
        guard let path = file["path"]?.stringValue, let size = file["size"]?.integerValue else { return nil }
        return File(path: path, size: size)
      })
  }
}

extension AgentTask {
  /// Puts a task together from its row and the two rows of the journal that belong to it.
  init(_ row: TaskRow, agent: String, owner: Principal, submitted: StoredText, ended: StoredText?) {
    let head = submitted.head
    self.init(
      id: row.id, agent: AgentID(agent), owner: owner, status: row.status, input: submitted.body?["input"] ?? .null,
      metadata: submitted.body?["metadata"] ?? .null, outputSchema: submitted.body?["output_schema"],
      output: TaskOutput(storedJSON: ended?.body?["output"]), error: Failure(json: ended?.head["error"]),
      priority: Int(row.priority), labels: (head["labels"]?.objectValue ?? [:]).compactMapValues(\.stringValue),
      folder: head["folder"]?.stringValue, limits: TaskLimits(json: head["limits"] ?? .null),
      attempt: Int(row.attempt), maxAttempts: Int(row.maxAttempts), timeoutSeconds: Int(row.timeoutSeconds),
      createdAt: Timestamp(milliseconds: row.created), startedAt: row.started.map(Timestamp.init(milliseconds:)),
      finishedAt: row.finished.map(Timestamp.init(milliseconds:)),
      cancelRequestedAt: row.cancelAt.map(Timestamp.init(milliseconds:)), usage: row.usage,
      traceparent: head["traceparent"]?.stringValue)
    let moment = row.runAfter.map(Timestamp.init(milliseconds:))
    if row.status == .waiting, let reason = row.waitReason {
      waiting = TaskWait(reason: reason, until: moment, step: row.waitStep.map { Int($0) })
    } else {
      runAfter = moment
    }
  }
}

/// Head and body of a row of the journal.
struct StoredText {
  var head: JSONValue
  var body: JSONValue?
}
