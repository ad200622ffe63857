import AgentCore

/// What a caller wants done, decoded but not yet checked against the rules.
package struct TaskDraft: Sendable, Hashable {
  package var agent: AgentID
  package var input: JSONValue
  package var files: [WorkspaceUpload] = []
  package var folder: String?
  package var outputSchema: JSONValue?
  package var priority: Int?
  package var labels: [String: String] = [:]
  package var timeoutSeconds: Int?
  package var maxAttempts: Int?
  package var limits = TaskLimits()
  package var metadata: JSONValue = .null
  package var traceparent: String?

  package init(agent: AgentID, input: JSONValue) { (self.agent, self.input) = (agent, input) }

  /// The rules of the contract ("Sizes"), each bound with its reason.
  package enum Bounds {
    /// A prompt beyond this fits no model's context.
    package static let inputBytes = 1024 * 1024
    package static let metadataBytes = 64 * 1024
    package static let labels = 16
    /// Unicode scalars, so at most four times as many bytes: what looks like one character can be any number of them.
    package static let labelCharacters = 64
    /// All files of one task, decoded.
    package static let filesBytes = 8 * 1024 * 1024
    package static let timeoutSeconds = 1...604_800
    package static let maxAttempts = 1...20
    package static let priority = 0...9
    package static let defaultTimeoutSeconds = 3600
    package static let defaultMaxAttempts = 3
    package static let defaultPriority = 5
    /// Tasks of one batch.
    package static let batch = 1000
  }

  /// Every rule that this draft breaks; pointers begin with `prefix`.
  func problems(prefix: String = "") -> [ServiceError.Field] {
    var problems: [ServiceError.Field] = []
    func refuse(_ isWrong: Bool, _ pointer: String, _ detail: String) {
      if isWrong { problems.append(ServiceError.Field(prefix + pointer, detail)) }
    }
    let prompt = input.stringValue ?? input["prompt"]?.stringValue
    refuse(prompt == nil, "/input", "text, or an object with a member `prompt` that is text")
    refuse(prompt?.isEmpty == true, "/input", "must not be empty")
    // Of a text its own bytes, not those of its quotes and escapes.
    let inputBytes = input.stringValue?.utf8.count ?? input.encoded().count
    refuse(inputBytes > Bounds.inputBytes, "/input", "at most \(Bounds.inputBytes) bytes")
    refuse(metadata != .null && metadata.objectValue == nil, "/metadata", "an object")
    refuse(metadata.encoded().count > Bounds.metadataBytes, "/metadata", "at most \(Bounds.metadataBytes) bytes")
    refuse(labels.count > Bounds.labels, "/labels", "at most \(Bounds.labels) labels")
    for (name, value) in labels {
      refuse(
        name.isEmpty || name.unicodeScalars.count > Bounds.labelCharacters
          || value.unicodeScalars.count > Bounds.labelCharacters || name.unicodeScalars.contains(":"),
        "/labels/\(ServiceError.Field.escaped(String(name.unicodeScalars.prefix(Bounds.labelCharacters))))",
        "a name of 1 to 64 characters without `:`, a value of at most 64")
    }
    refuse(priority.map { !Bounds.priority.contains($0) } ?? false, "/priority", "0 to 9")
    refuse(
      timeoutSeconds.map { !Bounds.timeoutSeconds.contains($0) } ?? false, "/timeout_seconds", "1 to 604800")
    refuse(maxAttempts.map { !Bounds.maxAttempts.contains($0) } ?? false, "/max_attempts", "1 to 20")
    refuse(
      files.reduce(0) { $0 + $1.bytes.count } > Bounds.filesBytes, "/files", "at most \(Bounds.filesBytes) bytes in all"
    )
    problems += imageProblems(prefix: prefix) + schemaProblems(prefix: prefix)
    refuse(folder != nil && !files.isEmpty, "/files", "a task in a `folder` is given no files")
    return problems
  }

  private func schemaProblems(prefix: String) -> [ServiceError.Field] {
    guard let outputSchema else { return [] }
    guard outputSchema.objectValue != nil else {
      return [ServiceError.Field(prefix + "/output_schema", "a JSON Schema: an object")]
    }
    do throws(JSONSchema.Problem) {
      _ = try JSONSchema(outputSchema)
      return []
    } catch {
      return [ServiceError.Field(prefix + "/output_schema" + error.pointer, error.detail)]
    }
  }

  /// A task that works in a `folder` has its pictures there, and they are looked at when it starts.
  private func imageProblems(prefix: String) -> [ServiceError.Field] {
    guard input.objectValue != nil, let images = input["images"] else { return [] }
    let paths = TaskImages.paths(in: input)
    guard let items = images.arrayValue, items.count == paths.count, items.count <= TaskImages.maximumCount else {
      return [ServiceError.Field(prefix + "/input/images", "a list of at most \(TaskImages.maximumCount) paths")]
    }
    guard folder == nil else { return [] }
    return paths.enumerated().compactMap { index, path in
      let pointer = "\(prefix)/input/images/\(index)"
      guard let file = files.first(where: { $0.path == path }) else {
        return ServiceError.Field(pointer, "none of the task's `files` has this path")
      }
      return TaskImages.problem(of: file.bytes).map { ServiceError.Field(pointer, $0) }
    }
  }

  /// What the idempotency digest is taken over: the whole request.
  func fingerprint(_ digester: any Digester) -> String {
    digester.digest([
      "agent": .string(agent.name), "input": input, "metadata": metadata, "folder": JSONValue(folder),
      "output_schema": outputSchema ?? .null, "priority": JSONValue(priority),
      "labels": .object(labels.mapValues(JSONValue.string)), "timeout_seconds": JSONValue(timeoutSeconds),
      "max_attempts": JSONValue(maxAttempts), "limits": limits.json,
      "files": .array(files.map { ["path": .string($0.path), "digest": .string(digester.digest($0.bytes))] }),
    ])
  }
}
