/// The declaration of one key that a feature reads: it stands beside the feature's typed settings and is what the
/// reader checks a file against, and what a reference page is made of.
package struct ConfigKey: Sendable, Hashable {
  package enum ValueType: Sendable, Hashable {
    /// Any text of at most that many bytes.
    case text(maximumBytes: Int)
    /// A text that is never shown, without control characters.
    case secret(maximumBytes: Int)
    /// Names that the file chooses, each with a text that is never shown; at most that many.
    case secrets(maximumCount: Int)
    /// One of these words.
    case choice([String])
    case integer(ClosedRange<Int64>)
    case number(ClosedRange<Double>)
    case duration(ClosedRange<Duration>)
    /// Bytes, written as in `64KiB` or `10MB`.
    case size(ClosedRange<Int64>)
    /// A list of texts with at most that many entries.
    case list(maximumCount: Int)
    /// One text, or a list of at most that many.
    case textOrList(maximumCount: Int)
    /// Keys of its own, declared under this key's path.
    case section
    /// Entries under names that the file chooses, at most that many; declared under this key's path and `*`.
    case named(maximumCount: Int)
    /// Names that the file chooses, each with a list of texts; at most that many of both.
    case lists(maximumCount: Int, maximumItems: Int)
    /// A list of sections, at most that many; declared under this key's path and `*`.
    case sections(maximumCount: Int)
    /// Any JSON object.
    case json
  }

  package enum Need: Sendable, Hashable {
    /// What an absent key comes to, as one would write it.
    case defaults(String)
    /// Absent and `null` both mean that there is none.
    case nullable
    case required
    /// A key that the product knows and this build lacks.
    case notSupported
  }

  /// Dotted from the top of its file; `*` stands for a name or an index: `agents.*.limits.steps`.
  package var path: String
  package var type: ValueType
  package var need: Need
  /// One sentence for the reference page.
  package var meaning: String
  /// Its text is taken as it stands, `${…}` in it too.
  package var isVerbatim = false
  /// A reload puts a new value in force; otherwise only a restart does.
  package var isReloadable = false

  package init(_ path: String, _ type: ValueType, _ need: Need, _ meaning: String) {
    (self.path, self.type, self.need, self.meaning) = (path, type, need, meaning)
  }

  /// A key that this build lacks.
  package static func notSupported(_ path: String, _ meaning: String) -> ConfigKey {
    ConfigKey(path, .json, .notSupported, meaning)
  }

  /// The same key, with its text taken as it stands.
  package var verbatim: ConfigKey {
    var key = self
    key.isVerbatim = true
    return key
  }

  /// The same key, with new values in force after a reload.
  package var reloadable: ConfigKey {
    var key = self
    key.isReloadable = true
    return key
  }

  /// Keys of its own, or entries, below it: it has no value to show.
  var isContainer: Bool {
    switch type {
    case .section, .named, .sections: true
    default: false
    }
  }

  /// The last part of the path.
  package var name: String { path.split(separator: ".").last.map(String.init) ?? path }

  /// The path without its last part; empty at the top.
  var parent: String { path.split(separator: ".").dropLast().joined(separator: ".") }
}
