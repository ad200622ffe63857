import AgentCore

/// What is read of a body that comes in pieces: up to a limit, and where that falls within a sensitive value on to the
/// value's end, but no further than as much again as can be shown.
struct AnswerBody {
  /// Where to look for the value's end: each look reads all there is anew.
  static let stride = 16 * 1024

  private let most: Int
  private let endsWithinValue: ([UInt8]) -> Bool
  /// With more bytes than these it is looked whether they may be its end.
  private var next: Int
  private(set) var bytes: [UInt8] = []
  /// More came than `bytes` has, and no more is needed.
  private(set) var isCut = false

  init(limit: Int, endsWithinValue: @escaping ([UInt8]) -> Bool) {
    (next, most) = (limit, limit + ToolOutcome.maximumBytes)
    self.endsWithinValue = endsWithinValue
  }

  mutating func take(_ piece: some Sequence<UInt8>) {
    guard !isCut else { return }
    bytes.append(contentsOf: piece)
    while !isCut, bytes.count > next {
      let beginning = Array(bytes.prefix(next))
      if next == most || !endsWithinValue(beginning) {
        (bytes, isCut) = (beginning, true)
      } else {
        next = min(next + Self.stride, most)
      }
    }
  }
}
