/// A value that cannot be printed, logged, mirrored or encoded by accident: every way to text says `[secret]`. Only
/// `reveal()` gives it out, so that each use can be found by its name.
///
/// It has no `Encodable` and no `JSONValue` on purpose; equality takes the same time wherever two texts of one length
/// differ.
package struct Secret: Sendable {
  /// What stands for a secret wherever people look.
  package static let placeholder = "[secret]"

  private let text: String

  package init(_ text: String) { self.text = text }

  /// The secret itself, for the one place that must send or compare it.
  package func reveal() -> String { text }

  package var isEmpty: Bool { text.isEmpty }
}

extension Secret: Equatable {
  package static func == (left: Secret, right: Secret) -> Bool {
    let (a, b) = (Array(left.text.utf8), Array(right.text.utf8))
    guard a.count == b.count else { return false }
    var difference: UInt8 = 0
    for (x, y) in zip(a, b) { difference |= x ^ y }
    return difference == 0
  }
}

extension Secret: Hashable {
  /// By length alone: a hash of the text could be guessed at.
  package func hash(into hasher: inout Hasher) { hasher.combine(text.utf8.count) }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { Self.placeholder }
  package var debugDescription: String { Self.placeholder }
  /// `dump` and string interpolation of an enclosing value look here.
  package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
