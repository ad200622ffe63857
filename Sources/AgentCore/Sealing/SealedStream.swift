/// A text that comes in pieces, filtered: what may be the beginning of a sealed value is held back until it is seen to be
/// none, or to be one.
package struct SealedStream: Sendable {
  private let filter: SealedFilter
  private var held: [UInt8] = []

  package init(_ filter: SealedFilter) { self.filter = filter }

  /// What may be shown by now.
  package mutating func take(_ piece: String) -> String {
    guard !filter.isEmpty else { return piece }
    guard !filter.isOverfull else { return "" }
    held += piece.utf8
    let hidden = filter.matches(in: held)
    var open = filter.openEnd(of: held)
    // What overlaps the open end stays with it, so that no part of it is shown later.
    for range in hidden.reversed() where range.upperBound > open { open = min(open, range.lowerBound) }
    let shown = SealedFilter.shown(Array(held[..<open]), without: hidden.filter { $0.upperBound <= open })
    held.removeFirst(open)
    return String(decoding: shown, as: UTF8.self)
  }

  /// The rest, once no more will come.
  package mutating func finish() -> String {
    defer { held = [] }
    return String(decoding: SealedFilter.shown(held, without: filter.matches(in: held)), as: UTF8.self)
  }
}

extension SealedStream: CustomStringConvertible, CustomReflectable {
  package var description: String { SealedMember.placeholder }
  package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
