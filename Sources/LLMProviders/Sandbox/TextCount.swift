/// Counts of a text.
struct TextCount: Sendable, Hashable {
  /// Line ends, and a last line without one.
  var lines = 0
  /// Runs between blanks, as `wc -w` counts them; a run of Chinese is one.
  var words = 0
  /// Unicode scalars, as `wc -m` counts them.
  var characters = 0
  var hanCharacters = 0
  var bytes: Int

  init(_ text: String) {
    bytes = text.utf8.count
    var isInWord = false
    var last: Unicode.Scalar = "\n"
    for scalar in text.unicodeScalars {
      characters += 1
      if scalar == "\n" { lines += 1 }
      if scalar.isHan { hanCharacters += 1 }
      let isBlank = scalar.properties.isWhitespace
      if !isBlank, !isInWord { words += 1 }
      isInWord = !isBlank
      last = scalar
    }
    if last != "\n" { lines += 1 }
  }
}
