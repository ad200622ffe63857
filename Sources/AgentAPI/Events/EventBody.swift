import AgentCore
import AgentRuntime

/// Server-sent events as bytes (WHATWG HTML, section 9.2): `id:`, `event:`, `data:`, an empty line.
enum EventBody {
  /// A feed item as the blocks that a stream sends. `task`: whose stream it is, if one's.
  static func blocks(_ item: FeedItem, task: TaskID?) -> String {
    switch item {
    case .position(let sequence): "id: \(sequence)\n\n"
    case .entry(let entry): "id: \(entry.sequence)\nevent: \(entry.type.rawValue)\ndata: \(bounded(members(entry)))\n\n"
    // A block without data is not dispatched by browsers, so these have some.
    case .gap: "event: gap\ndata: {}\n\n"
    case .delta(let delta): pieces(delta).map { "event: delta\ndata: \($0)\n\n" }.joined()
    case .end(let reason): "event: end\ndata: \(end(task, reason).text)\n\n"
    }
  }

  /// What an event's `data` holds: the head's members, what was written with it, `task`, `at`, `step`.
  private static func members(_ entry: JournalEntry) -> [String: JSONValue] {
    var members = entry.head.objectValue ?? [:]
    if let usage = members["usage"].flatMap(ModelUsage.init(json:)) { members["usage"] = TaskBody.json(usage) }
    members.merge(entry.body?.objectValue ?? [:]) { _, body in body }
    members["task"] = .string(entry.task.description)
    members["at"] = .string(entry.at.text)
    if let step = entry.step { members["step"] = JSONValue(step) }
    return members
  }

  /// JSON of at most 4 KiB: the longest members give way first.
  private static func bounded(_ members: [String: JSONValue]) -> String {
    var members = members
    var text = JSONValue.object(members).text
    // Each round takes one member away, so this ends.
    let candidates = members.keys.filter { !["task", "at", "step"].contains($0) }
      .map { (name: $0, size: members[$0]?.encoded().count ?? 0) }
      .sorted { ($0.size, $1.name) > ($1.size, $0.name) }.map(\.name)
    for name in candidates where text.utf8.count > TaskBody.inlineBytes {
      let size = members[name]?.encoded().count ?? 0
      members[name] = TaskBody.omitted(size)
      text = JSONValue.object(members).text
    }
    return text
  }

  /// A delta over the size is sent as several.
  private static func pieces(_ delta: ModelDelta) -> [String] {
    let text = json(delta).text
    guard text.utf8.count > TaskBody.inlineBytes, delta.text.unicodeScalars.count > 1 else { return [text] }
    let scalars = delta.text.unicodeScalars
    let middle = scalars.index(scalars.startIndex, offsetBy: scalars.count / 2)
    return [scalars[..<middle], scalars[middle...]].flatMap { half in
      var part = delta
      part.text = String(half)
      return pieces(part)
    }
  }

  private static func json(_ delta: ModelDelta) -> JSONValue {
    [
      "task": .string(delta.task.description), "step": JSONValue(delta.step), "attempt": JSONValue(delta.attempt),
      "text": .string(delta.text),
    ]
  }

  private static func end(_ task: TaskID?, _ reason: String?) -> JSONValue {
    var members: [String: JSONValue] = [:]
    if let task { members["task"] = .string(task.description) }
    if let reason { members["reason"] = .string(reason) }
    return .object(members)
  }
}
