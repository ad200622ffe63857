/// Says when a refusal of the storage is worth a line in the log: when it begins, then at most once a minute.
struct RefusalNotice {
  /// Enough to see in the log that it lasts, little enough that a full disk is not written full of it.
  static let interval: Duration = .seconds(60)

  /// Of the clock's uptime; nil while the storage takes what it is given.
  private var toldAt: Duration?

  /// The storage has refused.
  mutating func isDue(at uptime: Duration) -> Bool {
    if let toldAt, uptime - toldAt < Self.interval { return false }
    toldAt = uptime
    return true
  }

  /// The storage has taken what it was given: true when a refusal was told before.
  mutating func isOver() -> Bool { toldAt.take() != nil }
}
