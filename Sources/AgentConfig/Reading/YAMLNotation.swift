import CYaml

/// Anchors and aliases of a text, found before anything is made of it: Yams puts an anchored value in each alias's place
/// and compares keys whole, so that a text of forty lines can ask for 2^40 steps.
struct YAMLNotation {
  /// The text with each alias exchanged for a null, and each anchor for a tag, of the same width: all places stay what
  /// they are, and the rest of the text can be read.
  private(set) var text: String
  /// Where the anchors stand, which are tags now, in the order of the text.
  private(set) var anchors: [SourceMark] = []
  private(set) var aliases: [SourceMark] = []
  /// Where more than `maximumDepth` collections are open; nothing behind it was looked at.
  private(set) var tooDeep: SourceMark?

  private static let opening = [
    YAML_BLOCK_SEQUENCE_START_TOKEN, YAML_BLOCK_MAPPING_START_TOKEN, YAML_FLOW_SEQUENCE_START_TOKEN,
    YAML_FLOW_MAPPING_START_TOKEN,
  ]
  private static let closing = [YAML_BLOCK_END_TOKEN, YAML_FLOW_SEQUENCE_END_TOKEN, YAML_FLOW_MAPPING_END_TOKEN]

  /// Looks as far as the text is YAML: what comes after a mistake is never composed.
  init(of text: String, maximumDepth: Int) {
    self.text = text
    var scalars: [Unicode.Scalar]?
    var depth = 0
    var followsTag = false
    Self.scan(text) { token in
      let mark = SourceMark(line: Int(token.start_mark.line) + 1, column: Int(token.start_mark.column) + 1)
      let range = Int(token.start_mark.index)..<Int(token.end_mark.index)
      switch token.type {
      case YAML_ANCHOR_TOKEN:
        anchors.append(mark)
        // A value takes one tag: where one stands already, blanks do.
        Self.exchange(range, for: followsTag ? " " : "!", followsTag ? " " : nil, in: &scalars, of: text)
      case YAML_ALIAS_TOKEN:
        aliases.append(mark)
        Self.exchange(range, for: "~", " ", in: &scalars, of: text)
      case let type where Self.opening.contains(type): depth += 1
      case let type where Self.closing.contains(type): depth -= 1
      default: break
      }
      followsTag = token.type == YAML_TAG_TOKEN
      if depth > maximumDepth { tooDeep = mark }
      return tooDeep == nil
    }
    guard let scalars else { return }
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    self.text = String(view)
  }

  /// Hands over each token until one is refused, or the text ends or is no YAML.
  private static func scan(_ text: String, _ take: (yaml_token_t) -> Bool) {
    // The parser holds its own address.
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else { return }
    defer { yaml_parser_delete(parser) }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    Array(text.utf8).withUnsafeBufferPointer { bytes in
      yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
      var goesOn = true
      while goesOn {
        var token = yaml_token_t()
        guard yaml_parser_scan(parser, &token) == 1 else { return }
        goesOn = token.type != YAML_STREAM_END_TOKEN && take(token)
        yaml_token_delete(&token)
      }
    }
  }

  /// `rest` nil: what follows the first sign stays.
  private static func exchange(
    _ range: Range<Int>, for first: Unicode.Scalar, _ rest: Unicode.Scalar?, in scalars: inout [Unicode.Scalar]?,
    of text: String
  ) {
    var signs = scalars ?? Array(text.unicodeScalars)
    scalars = nil
    if range.upperBound <= signs.count, !range.isEmpty {
      signs[range.lowerBound] = first
      if let rest { for index in range.dropFirst() { signs[index] = rest } }
    }
    scalars = signs
  }
}
