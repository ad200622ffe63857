import AgentCore

/// One key with the value that it has and where that comes from: a line of `config show`.
package struct ConfigValue: Sendable, Hashable {
  package enum Source: Sendable, Hashable {
    /// Nobody says anything else.
    case builtIn
    /// The line; 0 where the whole file is the value. The environment variables that stand in it, expanded.
    case file(String, line: Int, variables: [String])
    case environment(String)
    case flag(String)
    /// The API has changed it.
    case state

    /// The contract's word for it.
    package var word: String {
      switch self {
      case .builtIn: "default"
      case .file: "file"
      case .environment: "environment"
      case .flag: "flag"
      case .state: "state"
      }
    }

    /// Which file, variable or flag; nil where there is nothing to say.
    package var place: String? {
      switch self {
      case .builtIn, .state: nil
      case .file(let path, let line, let variables):
        (line > 0 ? "\(path):\(line)" : path)
          + (variables.isEmpty ? "" : " (" + variables.map { "${\($0)}" }.joined(separator: ", ") + ")")
      case .environment(let name), .flag(let name): name
      }
    }
  }

  /// `server.yaml`
  package var file: String
  /// As written: `agents.coder.limits.steps`.
  package var key: String
  /// A secret shows as `Secret.placeholder`, no secret as null.
  package var value: JSONValue
  package var source: Source
  package var isReloadable: Bool
  /// What a secret is, so that a changed one is told from the same one.
  package var secret: Secret?
  /// What there is to say of the key besides, for people.
  package var note: String?
  /// What the file holds that the value names, so that a changed one is told from the same one.
  package var content: String?

  package init(
    file: String, key: String, value: JSONValue, source: Source, isReloadable: Bool = false, secret: Secret? = nil
  ) {
    (self.file, self.key, self.value, self.source) = (file, key, value, source)
    (self.isReloadable, self.secret) = (isReloadable, secret)
  }

  /// Whether both come to the same, wherever they come from.
  package func means(_ other: ConfigValue) -> Bool {
    value == other.value && secret == other.secret && content == other.content
  }
}

extension [ConfigValue] {
  /// Gives the key another value, or adds it.
  package mutating func set(_ value: ConfigValue) {
    if let index = firstIndex(where: { $0.file == value.file && $0.key == value.key }) {
      self[index] = value
    } else {
      append(value)
    }
  }
}
