/// Who asks: stored as a task's owner and as the actor of each journal row.
package enum Principal: Hashable, Sendable, CustomStringConvertible {
  /// A request over loopback without credentials.
  case local
  /// A peer of the unix socket, named by the kernel (SO_PEERCRED).
  case uid(UInt32)
  /// The service itself: timers, recovery, limits.
  case system

  package var description: String {
    switch self {
    case .local: "local"
    case .uid(let number): "uid:\(number)"
    case .system: "system"
    }
  }

  package init?(_ text: String) {
    switch text {
    case "local": self = .local
    case "system": self = .system
    default:
      guard text.hasPrefix("uid:"), let number = UInt32(text.dropFirst(4)) else { return nil }
      self = .uid(number)
    }
  }
}
