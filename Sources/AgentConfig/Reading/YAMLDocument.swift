import Yams

/// Reads one file's text into a `YAMLNode`, and reports with its place everything that configuration refuses of YAML:
/// syntax, a second document, anchors, aliases, tags, keys that are not plain names, keys that stand twice.
struct YAMLDocument {
  /// Deep enough for every file of ours.
  static let maximumDepth = 32
  /// Each repeated key costs one more pass over the text; a file with more is hopeless anyway.
  private static let maximumRepeatedKeys = 100

  private(set) var root: YAMLNode?
  private var log: IssueLog
  private var isTooDeep = false
  /// Places of anchors and aliases, which are reported already: tags and nulls stand there now.
  private var anchors: Set<SourceMark> = []
  private var aliases: Set<SourceMark> = []
  /// Stand-ins for keys that stand twice: Yams refuses the whole text then, and says where the first one is.
  private var standIns: [String: String] = [:]

  /// Nil root: the text holds nothing (but comments), or could not be read, and then there are issues.
  static func read(_ text: String, log: inout IssueLog) -> YAMLNode? {
    var document = YAMLDocument(log: log)
    document.parse(text)
    log = document.log
    return document.root
  }

  private init(log: IssueLog) { self.log = log }

  private mutating func parse(_ original: String) {
    guard var text = withoutAliases(original) else { return }
    for _ in 0...Self.maximumRepeatedKeys {
      do {
        let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
        // The parser alone holds the anchors, which nodes refer to weakly.
        try withExtendedLifetime(parser) { root = try parser.singleRoot().map { convert($0, depth: 0) } }
        if isTooDeep { root = nil }
        return
      } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
        let mark = SourceMark(line: context.mark.line, column: context.mark.column)
        guard let key = keys.min(), let replaced = replacing(key, at: mark, in: text) else {
          return log.add(.invalid, mark, "'\(KeyText(keys.min() ?? "").shown)' stands twice in one mapping")
        }
        text = replaced
      } catch let error as YamlError {
        return report(error)
      } catch {
        return log.add(.invalid, .start, "cannot be read as YAML")
      }
    }
    log.add(.invalid, .start, "more than \(Self.maximumRepeatedKeys) keys stand twice")
  }

  /// Reports all anchors and aliases, one a line, and gives the text without them; nil where it is nested too deeply.
  private mutating func withoutAliases(_ text: String) -> String? {
    // One more than values have: the top is no level.
    let notation = YAMLNotation(of: text, maximumDepth: Self.maximumDepth + 1)
    (anchors, aliases) = (Set(notation.anchors), Set(notation.aliases))
    var line = 0
    for mark in (notation.anchors + notation.aliases).sorted() where mark.line != line {
      line = mark.line
      log.add(
        .invalid, mark,
        "anchors and aliases ('&name', '*name') are not used in configuration: write the value out")
    }
    guard let mark = notation.tooDeep else { return notation.text }
    log.add(.invalid, mark, "nested deeper than \(Self.maximumDepth)")
    return nil
  }

  private mutating func report(_ error: YamlError) {
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let place = SourceMark(line: mark.line, column: mark.column)
      if problem.contains("another document") {
        log.add(.invalid, place, "a second document begins here: one file is one document")
      } else {
        let doing = context.map { " (\($0.text), begun on line \($0.mark.line))" } ?? ""
        log.add(.invalid, place, "not YAML: \(problem)\(doing)")
      }
    case .reader(let problem, let offset, _, let yaml):
      log.add(.invalid, Self.mark(ofCharacter: offset ?? 0, in: yaml), "not YAML: \(problem)")
    default:
      log.add(.invalid, .start, "cannot be read as YAML")
    }
  }

  private static func mark(ofCharacter offset: Int, in text: String) -> SourceMark {
    var mark = SourceMark.start
    for character in text.prefix(offset) {
      if character.isNewline { mark = SourceMark(line: mark.line + 1, column: 1) } else { mark.column += 1 }
    }
    return mark
  }

  // MARK: Keys that stand twice

  /// The text with the key at `mark` exchanged for a stand-in of the same width, so that all places stay what they
  /// are; nil where the key is not written literally.
  private mutating func replacing(_ key: String, at mark: SourceMark, in text: String) -> String? {
    var scalars = Array(text.unicodeScalars)
    guard var index = Self.index(of: mark, in: scalars), index < scalars.count else { return nil }
    if scalars[index] == "\"" || scalars[index] == "'" { index += 1 }
    let width = key.unicodeScalars.count
    guard width > 0, index + width <= scalars.count, scalars[index..<index + width].elementsEqual(key.unicodeScalars),
      let sign = Unicode.Scalar(0xE000 + UInt32(standIns.count))
    else { return nil }
    let standIn = Array(repeating: sign, count: width)
    scalars.replaceSubrange(index..<index + width, with: standIn)
    standIns[Self.string(standIn)] = key
    return Self.string(scalars)
  }

  private static func string(_ scalars: [Unicode.Scalar]) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  /// Lines end as YAML 1.1 ends them (section 4.2 of its specification): the marks count like that.
  private static func index(of mark: SourceMark, in scalars: [Unicode.Scalar]) -> Int? {
    var line = 1
    var index = 0
    while line < mark.line {
      guard index < scalars.count else { return nil }
      if scalars[index] == "\r", index + 1 < scalars.count, scalars[index + 1] == "\n" { index += 1 }
      if ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains(scalars[index]) { line += 1 }
      index += 1
    }
    return index + mark.column - 1
  }

  // MARK: Nodes

  private mutating func convert(_ node: Node, depth: Int) -> YAMLNode {
    let mark = Self.mark(of: node)
    if aliases.contains(mark) { return YAMLNode(content: .broken, mark: mark) }
    guard depth <= Self.maximumDepth else {
      if isTooDeep { return YAMLNode(content: .broken, mark: mark) }
      isTooDeep = true
      return broken(mark, "nested deeper than \(Self.maximumDepth)")
    }
    switch node {
    case .scalar(let scalar): return convert(scalar, at: mark)
    case .sequence(let sequence):
      guard checkTag(sequence.tag, at: mark) else { return YAMLNode(content: .broken, mark: mark) }
      return YAMLNode(content: .sequence(sequence.map { convert($0, depth: depth + 1) }), mark: mark)
    case .mapping(let mapping):
      guard checkTag(mapping.tag, at: mark) else { return YAMLNode(content: .broken, mark: mark) }
      return YAMLNode(content: .mapping(entries(of: mapping, depth: depth)), mark: mark)
    case .alias: return YAMLNode(content: .broken, mark: mark)
    }
  }

  private mutating func convert(_ scalar: Node.Scalar, at mark: SourceMark) -> YAMLNode {
    let isPlain = scalar.style == .plain
    // A quoted scalar always carries the tag of text.
    guard checkTag(scalar.tag, at: mark, allowing: isPlain ? nil : .str) else {
      return YAMLNode(content: .broken, mark: mark)
    }
    if scalar.string.unicodeScalars.contains("\0") { return broken(mark, "a value holds NUL") }
    return YAMLNode(content: .scalar(scalar.string, isPlain: isPlain), mark: mark)
  }

  private mutating func broken(_ mark: SourceMark, _ message: String) -> YAMLNode {
    log.add(.invalid, mark, message)
    return YAMLNode(content: .broken, mark: mark)
  }

  private static func mark(of node: Node) -> SourceMark {
    node.mark.map { SourceMark(line: $0.line, column: $0.column) } ?? .start
  }

  private mutating func checkTag(_ tag: Tag, at mark: SourceMark, allowing: Tag.Name? = nil) -> Bool {
    if tag.rawValue == Tag.Name.implicit.rawValue || tag.rawValue == allowing?.rawValue { return true }
    if anchors.contains(mark) { return true }
    log.add(.invalid, mark, "tags ('!name') are not used in configuration")
    return false
  }

  private mutating func entries(of mapping: Node.Mapping, depth: Int) -> [YAMLNode.Entry] {
    var entries: [YAMLNode.Entry] = []
    var marks: [String: [SourceMark]] = [:]
    for (keyNode, valueNode) in mapping {
      let mark = Self.mark(of: keyNode)
      if aliases.contains(mark) { continue }
      // Looking for repeated keys, Yams gives plain ones the tag of text.
      guard case .scalar(let scalar) = keyNode,
        scalar.tag.rawValue == Tag.Name.implicit.rawValue || scalar.tag.rawValue == Tag.Name.str.rawValue
          || anchors.contains(mark)
      else {
        log.add(.invalid, mark, "a key is a plain name, without tag")
        continue
      }
      if scalar.string == "<<", scalar.style == .plain {
        log.add(.invalid, mark, "merge keys ('<<') are not used in configuration: write the values out")
        continue
      }
      let key = standIns[scalar.string] ?? scalar.string
      marks[key, default: []].append(mark)
      let value = convert(valueNode, depth: depth + 1)
      if standIns[scalar.string] == nil { entries.append(YAMLNode.Entry(key: key, keyMark: mark, value: value)) }
    }
    for (key, places) in marks where places.count > 1 {
      let sorted = places.sorted()
      for place in sorted.dropFirst() {
        log.add(
          .invalid, place, "'\(KeyText(key).shown)' stands twice in one mapping (first on line \(sorted[0].line))")
      }
    }
    return entries
  }
}
