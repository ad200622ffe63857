/// Chooses the sentences that say most about a text: those whose words the text uses often, each word counting less
/// once a chosen sentence has it.
struct ExtractiveSummary {
  /// What the first sentence of a text and of a paragraph gain: writers put the point there.
  private static let openingFactor = 1.35
  private static let paragraphFactor = 1.1
  /// What a sentence gains for each term that the prompt asks about.
  private static let focusGain = 0.8
  /// What a term still counts after a sentence with it was chosen.
  private static let repetitionFactor = 0.4
  /// Sentences longer than this are heavy to read.
  private static let comfortableCharacters = 300

  private struct Candidate {
    /// Each once, in order: a sum of fractions depends on the order, and a set's changes from run to run.
    var terms: [String]
    var factor: Double
    var matches: Int
  }

  private let sentences: [SentenceSplitter.Sentence]
  private let candidates: [Candidate]
  private var weights: [String: Double] = [:]

  init(_ sentences: [SentenceSplitter.Sentence], focus: Set<String>) {
    self.sentences = sentences
    var weights: [String: Double] = [:]
    candidates = sentences.enumerated().map { index, sentence in
      let terms = TextTerms.terms(of: sentence.text)
      for term in terms { weights[term, default: 0] += 1 }
      let matches = focus.intersection(terms).count
      let factor = Self.factor(of: sentence, isFirst: index == 0) * (1 + Self.focusGain * Double(min(matches, 4)))
      return Candidate(terms: Set(terms).sorted(), factor: factor, matches: matches)
    }
    self.weights = weights
  }

  private static func factor(of sentence: SentenceSplitter.Sentence, isFirst: Bool) -> Double {
    var factor = isFirst ? openingFactor : sentence.opensParagraph ? paragraphFactor : 1
    if sentence.text.count > comfortableCharacters { factor *= 0.7 }
    if let last = sentence.text.last {
      if "?？".contains(last) { factor *= 0.8 }
      if ":：".contains(last) { factor *= 0.5 }
      if last.isLetter || last.isNumber { factor *= 0.8 }
    }
    return factor
  }

  /// Indices of the chosen sentences in the order of the text, at most `limit`; with `mustMatch` only those with a term
  /// of the focus.
  func choose(_ limit: Int, mustMatch: Bool = false) -> [Int] {
    var weights = weights
    var chosen: [Int] = []
    // A sentence with one word of a question says little where another has four of them.
    let needed = mustMatch ? max(((candidates.map(\.matches).max() ?? 0) + 1) / 2, 1) : 0
    var left = candidates.indices.filter { candidates[$0].matches >= needed }
    while chosen.count < limit, !left.isEmpty, !Task.isCancelled {
      var best: (index: Int, score: Double)?
      for index in left {
        let score = score(candidates[index], weights)
        if best.map({ score > $0.score }) ?? true { best = (index, score) }
      }
      guard let best else { break }
      chosen.append(best.index)
      for term in candidates[best.index].terms { weights[term, default: 0] *= Self.repetitionFactor }
      let text = sentences[best.index].text
      left = left.filter { $0 != best.index && sentences[$0].text != text }
    }
    return chosen.sorted()
  }

  private func score(_ candidate: Candidate, _ weights: [String: Double]) -> Double {
    guard !candidate.terms.isEmpty else { return 0 }
    let sum = candidate.terms.reduce(0) { $0 + weights[$1, default: 0] }
    return sum / Double(candidate.terms.count).squareRoot() * candidate.factor
  }
}
