import Synchronization

/// How a sealed value looks, stored and shown.
package enum SealedMember {
  /// The one member of the object that stands for a sealed value on disk; callers may not write it.
  package static let key = "$sealed"
  /// What everybody sees instead, models included.
  package static let placeholder = "[sealed]"
  /// The most that one value may hold in clear.
  package static let maximumBytes = 16 << 20
}

/// The names of members whose values are sealed (`encryption.sensitive_fields`). A name counts in lower case and without
/// `-` and `_`: `apiKey`, `API-KEY` and `api_key` are one; `max_tokens` is not `token`.
package struct SensitiveFields: Sendable, Hashable {
  /// As the file gives them.
  package let names: [String]
  private let normalised: Set<String>

  package init(_ names: [String]) {
    self.names = names
    normalised = Set(names.map(Self.normalise))
  }

  /// What the manual's encryption.yaml lists; in force where no file says otherwise.
  package static let standard = SensitiveFields(["api_key", "password", "token"])

  package func contains(_ member: String) -> Bool { normalised.contains(Self.normalise(member)) }

  /// Whether everything that `other` seals is sealed by this as well.
  package func covers(_ other: SensitiveFields) -> Bool { other.normalised.isSubset(of: normalised) }

  /// The names in their one spelling, sorted: equal for lists that seal the same.
  package var canonical: [String] { normalised.sorted() }

  private static func normalise(_ name: String) -> String { name.lowercased().filter { $0 != "-" && $0 != "_" } }
}

/// The list in force, which a reload may change.
package final class SensitivePolicy: Sendable {
  private let state: Mutex<SensitiveFields>
  package init(_ fields: SensitiveFields = .standard) { state = Mutex(fields) }

  package var fields: SensitiveFields {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}

extension JSONValue {
  /// This value with every sensitive member, at any depth and of any type, replaced by what `replacement` makes of its
  /// JSON pointer and value. Nothing inside such a member is looked at. `base`: the pointer of this value.
  package func replacingSensitive<E: Error>(
    _ fields: SensitiveFields, at base: String = "", _ replacement: (String, JSONValue) throws(E) -> JSONValue
  ) throws(E) -> JSONValue {
    switch self {
    case .object(let members):
      var result = members
      for (name, value) in members {
        let pointer = base + "/" + name.jsonPointerToken
        result[name] =
          fields.contains(name)
          ? try replacement(pointer, value) : try value.replacingSensitive(fields, at: pointer, replacement)
      }
      return .object(result)
    case .array(let items):
      var result = items
      for (index, item) in items.enumerated() {
        result[index] = try item.replacingSensitive(fields, at: "\(base)/\(index)", replacement)
      }
      return .array(result)
    default: return self
    }
  }

  /// As everybody sees it: `[sealed]` for each sensitive member.
  package func masked(_ fields: SensitiveFields) -> JSONValue {
    replacingSensitive(fields) { (_, _) throws(Never) in .string(SealedMember.placeholder) }
  }

  /// Its sensitive members, with their JSON pointers, sorted by pointer.
  package func sensitiveMembers(_ fields: SensitiveFields, at base: String = "") -> [(pointer: String, value: JSONValue)] {
    var found: [(pointer: String, value: JSONValue)] = []
    _ = replacingSensitive(fields, at: base) { (pointer, value) throws(Never) in
      found.append((pointer, value))
      return value
    }
    return found.sorted { $0.pointer < $1.pointer }
  }
}

extension String {
  /// As one token of a JSON pointer (RFC 6901 section 3).
  package var jsonPointerToken: String {
    guard utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return self }
    return reduce(into: "") { text, character in
      switch character {
      case "~": text += "~0"
      case "/": text += "~1"
      default: text.append(character)
      }
    }
  }
}
