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
  /// A bit for each length of the normalised names, in bytes, the last one for 63 and more: most members are told apart
  /// by theirs alone.
  private let lengths: UInt64

  package init(_ names: [String]) {
    self.names = names
    normalised = Set(names.map(Self.normalise))
    lengths = normalised.reduce(0) { $0 | Self.bit(ofLength: $1.utf8.count) }
  }

  /// What the manual's encryption.yaml lists; in force where no file says otherwise.
  package static let standard = SensitiveFields(["api_key", "password", "token"])

  package func contains(_ member: String) -> Bool {
    var length = 0
    for byte in member.utf8 {
      // Outside ASCII, lower case may have another length.
      if byte >= 0x80 { return normalised.contains(Self.normalise(member)) }
      if byte != UInt8(ascii: "-"), byte != UInt8(ascii: "_") { length += 1 }
    }
    return lengths & Self.bit(ofLength: length) != 0 && normalised.contains(Self.normalise(member))
  }

  private static func bit(ofLength length: Int) -> UInt64 { 1 << UInt64(min(length, 63)) }

  /// Whether a text that is no JSON has one of the names in it.
  package func isNamed(in text: String) -> Bool {
    let text = Self.normalise(text)
    return normalised.contains { !$0.isEmpty && text.contains($0) }
  }

  /// Whether everything that `other` seals is sealed by this as well.
  package func covers(_ other: SensitiveFields) -> Bool { other.normalised.isSubset(of: normalised) }

  /// The names in their one spelling, sorted: equal for lists that seal the same.
  package var canonical: [String] { normalised.sorted() }

  private static func normalise(_ name: String) -> String { name.lowercased().filter { $0 != "-" && $0 != "_" } }
}

/// The list in force, which a reload may change.
package final class SensitivePolicy: Sendable {
  private struct State {
    var fields: SensitiveFields
    var lapsed: SensitiveFields?

    mutating func lapse(from earlier: SensitiveFields) {
      guard !fields.covers(earlier) else { return }
      lapsed = SensitiveFields((lapsed ?? earlier).names.filter(fields.contains))
    }
  }
  private let state: Mutex<State>
  package init(_ fields: SensitiveFields = .standard) { state = Mutex(State(fields: fields)) }

  package var fields: SensitiveFields {
    get { state.withLock { $0.fields } }
    set {
      state.withLock { state in
        let earlier = state.fields
        state.fields = newValue
        state.lapse(from: earlier)
      }
    }
  }

  /// Rows were sealed by that list before this process began: what it has and the one in force has not is out of force.
  package func lapse(from earlier: SensitiveFields) { state.withLock { $0.lapse(from: earlier) } }

  /// The names that were in force all the time since `forgetLapsed`; nil where no name has gone out of it. Rows of that
  /// time may hold in clear what a name sealed before and may seal again.
  package var lapsed: SensitiveFields? { state.withLock { $0.lapsed } }

  /// Somebody has noted them. Does nothing where others have lapsed meanwhile.
  package func forgetLapsed(_ noted: SensitiveFields) {
    state.withLock { if $0.lapsed == noted { $0.lapsed = nil } }
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
