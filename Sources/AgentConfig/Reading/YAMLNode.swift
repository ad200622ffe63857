/// A place in a file: line and column from 1, columns counted in Unicode scalars.
struct SourceMark: Sendable, Hashable, Comparable {
  var line: Int
  var column: Int

  static let start = SourceMark(line: 1, column: 1)

  static func < (left: SourceMark, right: SourceMark) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }
}

/// YAML reduced to what configuration needs: scalars, sequences and mappings with plain keys, each with its place.
/// There are no anchors, aliases, tags or repeated keys in it: `YAMLDocument` reports those.
struct YAMLNode: Sendable {
  enum Content: Sendable {
    /// `isPlain`: written without quotes and not as a block, so that `5` is a number and `"5"` is text.
    case scalar(String, isPlain: Bool)
    case sequence([YAMLNode])
    case mapping([Entry])
    /// An issue stands already: whoever meets it says nothing more.
    case broken
  }

  struct Entry: Sendable {
    var key: String
    var keyMark: SourceMark
    var value: YAMLNode
  }

  var content: Content
  var mark: SourceMark
  /// Of a scalar: the environment variables that stand in it, expanded.
  var variables: [String] = []
  /// Of a scalar with variables in it: its text before they were expanded. It stands in messages in the value's place,
  /// which may be a secret.
  var written: String?

  /// The same of the scalars below it too, each once, in the order of the file.
  var allVariables: [String] {
    let found =
      switch content {
      case .scalar, .broken: variables
      case .sequence(let items): items.flatMap(\.allVariables)
      case .mapping(let entries): entries.flatMap(\.value.allVariables)
      }
    return found.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  /// The texts of the scalars that a variable stands in, its own and those below it.
  var variableTexts: [String] {
    switch content {
    case .scalar(let text, _): variables.isEmpty ? [] : [text]
    case .broken: []
    case .sequence(let items): items.flatMap(\.variableTexts)
    case .mapping(let entries): entries.flatMap(\.value.variableTexts)
    }
  }

  /// What the node is to people: `a number`, `a list`, …
  var typeName: String {
    switch content {
    case .sequence: "a list"
    case .mapping: "a mapping"
    case .broken: "unreadable"
    case .scalar(let text, let isPlain): isPlain && variables.isEmpty ? PlainScalar(text).typeName : "text"
    }
  }

  /// The names of the mapping under a key of this one, in the order of the file; nil where there is no such mapping.
  func names(under key: String) -> [String]? {
    guard case .mapping(let entries) = content,
      case .mapping(let named)? = entries.first(where: { $0.key == key })?.value.content
    else { return nil }
    return named.map { KeyText($0.key).shown }
  }

  var isBroken: Bool { if case .broken = content { true } else { false } }

  /// A bare `null`, or variables that came to nothing, whatever quotes stand around them.
  var isNull: Bool {
    guard case .scalar(let text, let isPlain) = content else { return false }
    return variables.isEmpty ? isPlain && PlainScalar(text) == .null : text.isEmpty
  }
}
