import AgentCore

/// The members of a task's input besides its prompt: they stand as one JSON object in the last paragraph of the text
/// that a model gets. Their quotation marks are JSON's, not the prompt's.
struct InputMembers {
  /// The text above the object.
  var prompt: String
  /// File names among the values, in the order of the members' names.
  var paths: [String]

  /// An object of more bytes is no list of settings.
  private static let maximumBytes = 64 * 1024

  /// Nil when the text does not end in a JSON object of its own paragraph, or when the line above announces it, so
  /// that it is part of what is asked.
  init?(endOf text: String) {
    let bytes = Array(text.utf8.suffix(Self.maximumBytes + 3))
    guard bytes.last == UInt8(ascii: "}"), let (start, members) = Self.object(atEndOf: bytes) else { return nil }
    prompt = String(decoding: text.utf8.dropLast(bytes.count - start), as: UTF8.self)
    if let last = prompt.last, ":：".contains(last) { return nil }
    paths = []
    collect(members)
  }

  private static func object(atEndOf bytes: [UInt8]) -> (start: Int, members: JSONValue)? {
    // Blank lines before braces inside the object are rare; a text with many is no list of settings.
    let maximumTries = 8
    for start in ByteOccurrences.offsets(of: Array("\n\n{".utf8), in: bytes).suffix(maximumTries) {
      // A text that is no JSON is no mistake here: it is prose.
      if let members = try? JSONValue(parsing: bytes[(start + 2)...]), members.objectValue != nil {
        return (start, members)
      }
    }
    return nil
  }

  private mutating func collect(_ value: JSONValue) {
    guard paths.count < SandboxLimits.filesRead else { return }
    switch value {
    case .string(let text): if PathName.isLikely(text), !paths.contains(text) { paths.append(text) }
    case .array(let items): for item in items { collect(item) }
    case .object(let members): for name in members.keys.sorted() { collect(members[name] ?? .null) }
    case .null, .bool, .integer, .double: break
    }
  }
}
