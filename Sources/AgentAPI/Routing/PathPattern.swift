/// The path of a route: `/api/tasks/{id}/steps/{n}:resolve`, `/api/tasks/{id}/files/{path...}`.
///
/// A component is text, or a parameter with text after it; a parameter takes exactly one component, percent-decoded,
/// and `{name...}` all that follow (at least one).
struct PathPattern: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
  private enum Part: Sendable, Hashable {
    case text(String)
    case parameter(name: String, suffix: String)
    case rest(name: String)
  }
  let description: String
  private let parts: [Part]

  init(stringLiteral text: String) {
    precondition(text.hasPrefix("/"), "a route's path begins with a slash")
    description = text
    parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { component in
      guard component.hasPrefix("{"), let end = component.firstIndex(of: "}") else { return .text(String(component)) }
      let name = component[component.index(after: component.startIndex)..<end]
      if name.hasSuffix("...") { return .rest(name: String(name.dropLast(3))) }
      return .parameter(name: String(name), suffix: String(component[component.index(after: end)...]))
    }
  }

  /// The values of the parameters; nil for a path of another shape. `components`: decoded, from `PathText`.
  func match(_ components: [String]) -> [String: String]? {
    var values: [String: String] = [:]
    for (index, part) in parts.enumerated() {
      if case .rest(let name) = part {
        guard index < components.count else { return nil }
        values[name] = components[index...].joined(separator: "/")
        return values
      }
      guard index < components.count else { return nil }
      let component = components[index]
      switch part {
      case .text(let text): if text != component { return nil }
      case .parameter(let name, let suffix):
        guard component.hasSuffix(suffix), component.utf8.count > suffix.utf8.count else { return nil }
        values[name] = String(component.dropLast(suffix.count))
      case .rest: return nil
      }
    }
    return components.count == parts.count ? values : nil
  }
}

/// Percent-encoding (RFC 3986, section 2.1).
enum PercentText {
  /// Nil for a bad escape, for bytes that are no UTF-8, and for NUL. `plusIsSpace`: as forms encode a query.
  static func decode(_ text: Substring, plusIsSpace: Bool = false) -> String? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var iterator = text.utf8.makeIterator()
    while let byte = iterator.next() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = iterator.next().flatMap(digit), let low = iterator.next().flatMap(digit) else { return nil }
        bytes.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
      default: bytes.append(byte)
      }
    }
    return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
