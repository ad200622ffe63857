import AgentCore
import AgentRuntime

/// Reads the members of one JSON object and collects everything that is wrong with them, each with its RFC 6901
/// pointer. A member that is null counts as absent.
struct FieldReader {
  private let members: [String: JSONValue]
  private let pointer: String
  private var asked: Set<String> = []
  private(set) var problems: [ServiceError.Field] = []

  /// `pointer`: where the object stands in the body; empty at the top.
  init(_ value: JSONValue, at pointer: String = "") {
    self.pointer = pointer
    members = value.objectValue ?? [:]
    if value.objectValue == nil { problems.append(ServiceError.Field(pointer, "an object, not \(value.typeName)")) }
  }

  /// Names the members that nothing asked for; call it last.
  mutating func refuseUnknown() {
    let known = asked.isEmpty ? "this takes no members" : "known: \(asked.sorted().joined(separator: ", "))"
    for name in members.keys.sorted() where !asked.contains(name) {
      refuse(String(name.prefix(64)), "unknown member; \(known)")
    }
  }

  mutating func refuse(_ name: String, _ detail: String) {
    problems.append(ServiceError.Field("\(pointer)/\(Self.escaped(name))", detail))
  }

  /// Takes over the problems of an object inside this one.
  mutating func add(_ inner: FieldReader) { problems += inner.problems }

  /// The member as it is; nil when absent.
  mutating func value(_ name: String) -> JSONValue? {
    asked.insert(name)
    guard let value = members[name], !value.isNull else { return Optional.none }
    return value
  }

  mutating func text(_ name: String) -> String? {
    guard let value = value(name) else { return nil }
    guard let text = value.stringValue else {
      refuse(name, "a string, not \(value.typeName)")
      return nil
    }
    return text
  }

  mutating func integer(_ name: String, in range: ClosedRange<Int> = .min ... .max) -> Int? {
    guard let value = value(name) else { return nil }
    guard let number = value.integerValue.flatMap({ Int(exactly: $0) }) else {
      refuse(name, value.doubleValue == nil ? "a number, not \(value.typeName)" : "a whole number of 64 bits")
      return nil
    }
    guard range.contains(number) else {
      refuse(
        name, range.upperBound == .max ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)")
      return nil
    }
    return number
  }

  mutating func array(_ name: String, upTo limit: Int) -> [JSONValue]? {
    guard let value = value(name) else { return nil }
    guard let items = value.arrayValue else {
      refuse(name, "an array, not \(value.typeName)")
      return nil
    }
    guard items.count <= limit else {
      refuse(name, "at most \(limit) items")
      return nil
    }
    return items
  }

  /// An object whose members are all text.
  mutating func texts(_ name: String) -> [String: String]? {
    guard let value = value(name) else { return nil }
    guard let members = value.objectValue else {
      refuse(name, "an object, not \(value.typeName)")
      return nil
    }
    var texts: [String: String] = [:]
    for (member, value) in members.sorted(by: { $0.key < $1.key }) {
      guard let text = value.stringValue else {
        problems.append(
          ServiceError.Field(
            "\(pointer)/\(name)/\(Self.escaped(String(member.prefix(64))))", "a string, not \(value.typeName)"))
        continue
      }
      texts[member] = text
    }
    return texts
  }

  /// A member's name as a part of a pointer (RFC 6901, section 3).
  static func escaped(_ name: String) -> String { ServiceError.Field.escaped(name) }
}
