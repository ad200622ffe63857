/// A text cut into the groups of words in which it is streamed; put together again they are the text.
struct TextPieces: Sequence, IteratorProtocol {
  /// A piece ends at the first blank or line end after this many characters: about four English words.
  private static let softLength = 24
  /// And here at the latest, for texts without blanks, as Chinese ones are.
  private static let hardLength = 48

  private var rest: Substring

  init(_ text: String) { rest = text[...] }

  mutating func next() -> Substring? {
    guard !rest.isEmpty else { return nil }
    var length = 0
    var end = rest.startIndex
    while end < rest.endIndex, length < Self.hardLength {
      let character = rest[end]
      end = rest.index(after: end)
      length += 1
      if length >= Self.softLength, character.isWhitespace { break }
    }
    let piece = rest[..<end]
    rest = rest[end...]
    return piece
  }
}
