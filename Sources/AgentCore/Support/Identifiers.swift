/// A task's number. Callers see `task-17`; a bare `17` is accepted.
package struct TaskID: Hashable, Sendable, Comparable, CustomStringConvertible {
  package var number: Int64
  package init(number: Int64) { self.number = number }

  /// Reads `task-17` or `17`; nil for anything else, `task-0` and `task-017` among them: an id has one spelling.
  package init?(_ text: some StringProtocol) {
    let digits = text.hasPrefix("task-") ? text.dropFirst(5) : text[...]
    guard digits.utf8.first != UInt8(ascii: "0"), digits.utf8.allSatisfy({ (48...57).contains($0) }),
      let number = Int64(digits)
    else { return nil }
    self.number = number
  }

  package var description: String { "task-\(number)" }
  package static func < (left: TaskID, right: TaskID) -> Bool { left.number < right.number }
}

/// An agent's name as configuration gives it: `coder`.
package struct AgentID: Hashable, Sendable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
  package var name: String
  package init(_ name: String) { self.name = name }
  package init(stringLiteral value: String) { name = value }
  package var description: String { name }
  package static func < (left: AgentID, right: AgentID) -> Bool { left.name < right.name }
}

/// A provider's name as configuration gives it: `sandbox`, `openai`.
package struct ProviderID: Hashable, Sendable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
  package var name: String
  package init(_ name: String) { self.name = name }
  package init(stringLiteral value: String) { name = value }
  package var description: String { name }
  package static func < (left: ProviderID, right: ProviderID) -> Bool { left.name < right.name }
}
