import AgentCore

/// The names of tools as a provider takes them: letters, digits, `_` and `-`, at most 64.
struct ToolNames: Sendable, Hashable {
  private var wireNames: [String: String] = [:]
  private var ownNames: [String: String] = [:]

  /// What both providers allow.
  static let longest = 64

  /// Two tools whose names would be one on the wire stay two: the later one gets a number.
  init(_ tools: [ToolDescriptor]) {
    for tool in tools where wireNames[tool.name] == nil {
      let plain = Self.plain(tool.name)
      var name = plain
      var number = 2
      while ownNames[name] != nil {
        let ending = "_\(number)"
        name = plain.prefix(Self.longest - ending.count) + ending
        number += 1
      }
      (wireNames[tool.name], ownNames[name]) = (name, tool.name)
    }
  }

  /// Also of a tool that is offered no longer, or never was: the conversation may name it.
  func wire(_ name: String) -> String { wireNames[name] ?? Self.plain(name) }

  /// Of a call that its own provider made: as it came, unless no API takes that back.
  func mended(_ sent: JSONValue?) -> JSONValue {
    let name = sent?.stringValue ?? ""
    let isTaken = !name.isEmpty && name.utf8.count <= Self.longest && name.allSatisfy(\.isPlain)
    return .string(isTaken ? name : wire(name))
  }

  /// Also of a tool that this request does not offer: whether there is one, and for whom, is not for us to say. Our
  /// names have one dot, before which no `_` stands.
  func own(_ name: String) -> String {
    if let own = ownNames[name] { return own }
    guard !name.contains("."), let mark = name.firstIndex(of: "_"), mark != name.startIndex else { return name }
    return name[..<mark] + "." + name[name.index(after: mark)...]
  }

  private static func plain(_ name: String) -> String {
    let plain = String(name.map { $0.isPlain ? $0 : "_" }.prefix(longest))
    return plain.isEmpty ? "unknown_tool" : plain
  }
}

extension Character {
  /// Of `[a-zA-Z0-9_-]`: what both providers allow in names and ids.
  var isPlain: Bool { isASCII && (isLetter || isNumber || self == "_" || self == "-") }
}
