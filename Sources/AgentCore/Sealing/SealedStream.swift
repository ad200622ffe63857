/// A text that comes in pieces, filtered: what may be the beginning of a sealed value is held back until it is seen to be
/// none, or to be one.
package struct SealedStream: Sendable {
  private let filter: SealedFilter
  private var held: [UInt8] = []
  /// What was shown last is `[sealed]`: what touches it is the same.
  private var endsHidden = false
  /// With fewer bytes held nothing is looked for anew: a long value that comes byte by byte is not read as often.
  private var nextLook = 0

  package init(_ filter: SealedFilter) { self.filter = filter }

  /// What may be shown by now.
  package mutating func take(_ piece: String) -> String {
    guard !filter.isEmpty else { return piece }
    guard !filter.isOverfull else { return "" }
    held += piece.utf8
    guard held.count >= nextLook else { return "" }
    let (hidden, open) = filter.look(intoPiece: held)
    let shown = show(Array(held[..<open]), without: hidden.filter { $0.upperBound <= open })
    held.removeFirst(open)
    nextLook = held.count + held.count / Self.patience
    return shown
  }

  /// The rest, once no more will come.
  package mutating func finish() -> String {
    defer { held = [] }
    return show(held, without: filter.matches(in: held))
  }

  private mutating func show(_ bytes: [UInt8], without hidden: [Range<Int>]) -> String {
    guard !bytes.isEmpty else { return "" }
    let shown = SealedFilter.shown(bytes, without: hidden)
    let isGoingOn = endsHidden && hidden.first?.lowerBound == 0
    endsHidden = hidden.last?.upperBound == bytes.count
    return String(
      decoding: isGoingOn ? shown.dropFirst(SealedMember.placeholder.utf8.count) : shown[...], as: UTF8.self)
  }

  /// A sixty-fourth of what is held.
  private static let patience = 64
}

extension SealedStream: CustomStringConvertible, CustomReflectable {
  package var description: String { SealedMember.placeholder }
  package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
