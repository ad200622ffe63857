/// Lets one large answer of the process be read at a time: for a moment each takes several times its size.
package struct LargeAnswers: Sendable {
  /// A long reply is a tenth of it; all below are read as they come.
  static let bytes = 1 << 20
  private let turns = SerialTurns()

  package init() {}

  /// To be called before an answer of so many bytes is read; what it returns is to be called after, if it is one.
  func turn(for count: Int) async -> (@Sendable () -> Void)? {
    guard count > Self.bytes else { return nil }
    await turns.take()
    return { [turns] in turns.give() }
  }
}
