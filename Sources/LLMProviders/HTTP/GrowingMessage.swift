import AgentCore

/// A message, a call or a block of content that grows by the deltas of a stream, so that no member is lost, whatever a
/// server adds.
///
/// Texts and lists grow, objects are merged by member, everything else is replaced; null only stands where nothing else
/// came. What grows, at the top or within, is not copied for each delta: a long reply comes in a million of them.
struct GrowingMessage: Sendable {
  private var texts: [String: GrowingBytes] = [:]
  private var lists: [String: [JSONValue]] = [:]
  private var values: [String: JSONValue] = [:]
  /// Those that came more than once.
  private var objects: [String: GrowingMessage] = [:]

  /// Members that name or sort something: they stand whole in each delta that has them.
  private static let whole: Set<String> = ["role", "id", "type", "name", "index", "object", "format", "status"]

  init(_ members: [String: JSONValue] = [:]) { take(members) }

  mutating func take(_ delta: [String: JSONValue]) {
    for (name, added) in delta { take(name, added) }
  }

  private mutating func take(_ name: String, _ added: JSONValue) {
    switch added {
    case .null:
      if texts[name] == nil, lists[name] == nil, isUnset(name) { values[name] = .null }
    case .string(let text) where !Self.whole.contains(name):
      (values[name], objects[name]) = (nil, nil)
      if lists[name] != nil {
        lists[name]?.append(contentsOf: Self.part(text))
      } else {
        texts[name, default: GrowingBytes()].append(text)
      }
    case .array(let items):
      (values[name], objects[name]) = (nil, nil)
      // Content that came as text goes on in parts.
      if let text = texts.removeValue(forKey: name) { lists[name] = Self.part(text.text) }
      lists[name, default: []] += items
    case .object(let members):
      if objects[name]?.take(members) != nil { return }
      guard case .object(let known)? = values[name] else { return set(name, added) }
      values[name] = nil
      objects[name] = GrowingMessage(known)
      objects[name]?.take(members)
    case .string(let text):
      if !text.isEmpty || isUnset(name) { set(name, added) }
    default: set(name, added)
    }
  }

  private func isUnset(_ name: String) -> Bool { values[name] == nil && objects[name] == nil }

  private mutating func set(_ name: String, _ value: JSONValue) {
    (texts[name], lists[name], objects[name]) = (nil, nil, nil)
    values[name] = value
  }

  private static func part(_ text: String) -> [JSONValue] {
    text.isEmpty ? [] : [["type": "text", "text": .string(text)]]
  }

  /// What it has grown to.
  var members: [String: JSONValue] {
    var members = values
    for (name, text) in texts { members[name] = .string(text.text) }
    for (name, items) in lists { members[name] = .array(items) }
    for (name, inner) in objects { members[name] = .object(inner.members) }
    return members
  }
}
