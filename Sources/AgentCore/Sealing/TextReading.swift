/// A text with the escapes of one kind, or of several in turn, undone, and the places where its bytes stood.
struct TextReading: Sendable {
  let bytes: [UInt8]
  /// It ends where an escape may have begun that has not ended.
  let isTorn: Bool
  private let layers: [Layer]

  /// The text as it stands.
  init(_ bytes: [UInt8]) { (self.bytes, isTorn, layers) = (bytes, false, []) }

  /// `isPiece`: more may follow. Nil where nothing is escaped so.
  private init?(_ escape: TextEscape, of outer: TextReading, isPiece: Bool) {
    var layer = Layer()
    guard let (bytes, isTorn) = layer.undo(escape, of: outer.bytes, isPiece: isPiece) else { return nil }
    (self.bytes, self.isTorn, layers) = (bytes, isTorn || outer.isTorn, outer.layers + [layer])
  }

  /// Where these bytes of the reading stand in the text.
  func source(of range: Range<Int>) -> Range<Int> {
    var (lower, upper) = (range.lowerBound, range.upperBound)
    for layer in layers.reversed() { (lower, upper) = (layer.start(of: lower), layer.end(of: upper - 1)) }
    return lower..<upper
  }

  /// Where this byte, or the reading's end, stands in the text.
  func source(of place: Int) -> Int { layers.reversed().reduce(place) { $1.start(of: $0) } }

  /// The last place of the text up to there that is not within an escape.
  func boundary(upTo source: Int) -> Int { Self.boundary(upTo: source, layers[...]) }

  private static func boundary(upTo source: Int, _ layers: ArraySlice<Layer>) -> Int {
    guard let layer = layers.first else { return source }
    let own = layer.boundary(upTo: source)
    let place = layer.place(of: own)
    let inner = boundary(upTo: place, layers.dropFirst())
    return inner == place ? own : layer.start(of: inner)
  }

  // MARK: all readings

  /// Calls `look` with each way to read the text that differs from it as it stands: JSON and URLs twice over and within
  /// each other, HTML. `isLetters`: without line breaks, so that base64 alone is looked for in it.
  static func each(
    of bytes: [UInt8], readsPlus: Bool, isPiece: Bool, _ look: (_ reading: TextReading, _ isLetters: Bool) -> Void
  ) {
    walk(TextReading(bytes), [], readsPlus, isPiece, look)
  }

  private static func walk(
    _ reading: TextReading, _ path: [TextEscape], _ readsPlus: Bool, _ isPiece: Bool,
    _ look: (TextReading, Bool) -> Void
  ) {
    if let letters = TextReading(.lineBreak, of: reading, isPiece: isPiece) { look(letters, true) }
    for escape in [TextEscape.json, .percent, .form, .html] where mayFollow(escape, path) {
      // Without a `+` the form reads as the URL does.
      if escape == .form, !readsPlus || !reading.bytes.contains(UInt8(ascii: "+")) { continue }
      guard let inner = TextReading(escape, of: reading, isPiece: isPiece) else { continue }
      look(inner, false)
      walk(inner, path + [escape], readsPlus, isPiece, look)
    }
  }

  /// Two kinds at most, one within the other.
  private static func mayFollow(_ escape: TextEscape, _ path: [TextEscape]) -> Bool {
    let kinds = path.map(\.kind)
    guard let last = kinds.last else { return true }
    if escape.kind == last { return kinds.count { $0 == last } < escape.maximumDepth }
    return kinds.allSatisfy { $0 == last }
  }
}

extension TextEscape {
  fileprivate var kind: TextEscape { self == .form ? .percent : self }
  /// JSON stands in strings of JSON, URLs in those of URLs.
  fileprivate var maximumDepth: Int { kind == .html ? 1 : 2 }
}

/// Where the bytes of a text stood before escapes in it were undone.
private struct Layer: Sendable {
  /// From `place` of the new text and `source` of the old one on. One that is as long in both is as it was; any other is
  /// one escape. The last one has the two ends.
  private var runs = [(place: 0, source: 0)]

  /// Nil where there is nothing to undo.
  mutating func undo(_ escape: TextEscape, of bytes: [UInt8], isPiece: Bool) -> (bytes: [UInt8], isTorn: Bool)? {
    guard let first = bytes.firstIndex(where: escape.begins) else { return nil }
    var (result, written): ([UInt8], [UInt8]) = ([], [])
    var (plain, place, end) = (0, first, bytes.count)
    while place < bytes.count {
      guard escape.begins(with: bytes[place]) else {
        place += 1
        continue
      }
      if isPiece, bytes.count - place < TextEscape.longestTorn, escape.isTorn(bytes, at: place) {
        end = place
        break
      }
      written.removeAll(keepingCapacity: true)
      guard let next = escape.read(bytes, at: place, into: &written) else {
        place += 1
        continue
      }
      if plain < place {
        result += bytes[plain..<place]
        runs.append((result.count, place))
      }
      result += written
      runs.append((result.count, next))
      (plain, place) = (next, next)
    }
    guard plain > 0 || end < bytes.count else { return nil }
    if plain < end {
      result += bytes[plain..<end]
      runs.append((result.count, end))
    }
    return (result, end < bytes.count)
  }

  func start(of place: Int) -> Int {
    let run = last { $0.place <= place }
    return isPlain(run) ? runs[run].source + place - runs[run].place : runs[run].source
  }

  /// Behind what stands for this byte.
  func end(of place: Int) -> Int {
    let run = last { $0.place <= place }
    return isPlain(run) ? runs[run].source + place - runs[run].place + 1 : runs[run + 1].source
  }

  func boundary(upTo source: Int) -> Int {
    let run = last { $0.source <= source }
    return isPlain(run) ? source : runs[run].source
  }

  /// Of a place of the old text that is a boundary.
  func place(of source: Int) -> Int {
    let run = last { $0.source <= source }
    return runs[run].place + (isPlain(run) ? source - runs[run].source : 0)
  }

  private func isPlain(_ run: Int) -> Bool {
    run == runs.count - 1 || runs[run + 1].place - runs[run].place == runs[run + 1].source - runs[run].source
  }

  /// The last run of which that holds; it holds of the first.
  private func last(_ holds: ((place: Int, source: Int)) -> Bool) -> Int {
    var (low, high) = (0, runs.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if holds(runs[middle]) { low = middle } else { high = middle }
    }
    return low
  }
}
