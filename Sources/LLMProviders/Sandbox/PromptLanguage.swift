/// The two languages that the sandbox reads and answers in.
enum PromptLanguage: Sendable, Hashable {
  case english, chinese

  /// The text in this language.
  func callAsFunction(_ english: @autoclosure () -> String, _ chinese: @autoclosure () -> String) -> String {
    self == .english ? english() : chinese()
  }
}

extension Unicode.Scalar {
  /// A Chinese character: the unified ideographs with extension A and those beyond the basic plane.
  var isHan: Bool {
    switch value {
    case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x323AF: true
    default: false
    }
  }

  /// A letter or digit of a script that writes words apart.
  var isWordPart: Bool { !isHan && (properties.isAlphabetic || properties.numericType != nil) }
}

extension Character {
  var isHan: Bool { unicodeScalars.first?.isHan ?? false }
  var isWordPart: Bool { unicodeScalars.first?.isWordPart ?? false }
}
