/// The words of a text that carry meaning: English ones in lower case without a plural ending, Chinese ones as pairs of
/// neighbouring characters, since nothing marks where a Chinese word ends.
enum TextTerms {
  static func terms(of text: some StringProtocol) -> [String] {
    var terms: [String] = []
    var word = String.UnicodeScalarView()
    var previousHan: Unicode.Scalar?
    func endWord() {
      guard !word.isEmpty else { return }
      if let term = term(of: String(word).lowercased()) { terms.append(term) }
      word = String.UnicodeScalarView()
    }
    for scalar in text.unicodeScalars {
      if scalar.isHan {
        endWord()
        guard !hanStops.contains(scalar) else {
          previousHan = nil
          continue
        }
        if let previousHan { terms.append("\(previousHan)\(scalar)") }
        previousHan = scalar
      } else {
        previousHan = nil
        if scalar.isWordPart { word.append(scalar) } else { endWord() }
      }
    }
    endWord()
    return terms
  }

  /// Nil for a word that says nothing about a text.
  static func term(of word: String) -> String? {
    guard word.utf8.count >= 3, !stops.contains(word), !word.allSatisfy(\.isNumber) else { return nil }
    return word.utf8.count > 4 && word.hasSuffix("s") && !word.hasSuffix("ss") ? String(word.dropLast()) : word
  }

  private static let stops = Set(
    """
    the and for are but not you all any can had her was one our out has him his how its may new now old see two way who \
    did get got let say says said she too use used uses using with this that from they will would there their what about \
    which when make makes made like time just into over also after back only then than them these those some could other \
    been being have were your each more most such very here where why does doing done much many must shall should same \
    between through during before above below under again further once because while until both few own off per via out \
    please tell give want need know file files folder folders directory text word words line lines sentence sentences \
    contents content document documents docs doc short brief briefly long following name named called inside within \
    everything anything something nothing every another
    """.split(separator: " ").map(String.init))

  private static let hanStops = Set("的了是在和与及也就都而着过不有这那个之其或并被把将为以于从到对由所我你他它们请给吗呢吧".unicodeScalars)
}
