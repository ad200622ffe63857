import AgentCore

/// Puts a message together from the deltas of a stream so that no member is lost, whatever a server adds.
enum MessageMerge {
  /// Members that name or sort something: they stand whole in each delta that has them.
  private static let whole: Set<String> = ["role", "id", "type", "name", "index", "object", "format", "status"]

  /// Texts and lists grow, objects are merged by member, everything else is replaced; null only stands where nothing
  /// else came.
  static func merge(_ delta: [String: JSONValue], into message: inout [String: JSONValue]) {
    for (name, added) in delta {
      guard let known = message[name], !known.isNull else {
        message[name] = added
        continue
      }
      message[name] = joined(name, known, added)
    }
  }

  private static func joined(_ name: String, _ known: JSONValue, _ added: JSONValue) -> JSONValue {
    switch (known, added) {
    case (_, .null): return known
    case (.string(let first), .string(let second)):
      if whole.contains(name) { return second.isEmpty ? known : added }
      return .string(first + second)
    case (.array(let first), .array(let second)): return .array(first + second)
    // Content that comes as text and as parts.
    case (.string(let first), .array(let second)): return .array(part(first) + second)
    case (.array(let first), .string(let second)): return .array(first + part(second))
    case (.object(var members), .object(let second)):
      merge(second, into: &members)
      return .object(members)
    default: return added
    }
  }

  private static func part(_ text: String) -> [JSONValue] {
    text.isEmpty ? [] : [["type": "text", "text": .string(text)]]
  }
}
