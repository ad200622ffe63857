/// References in the arguments of a tool call, `{{input.PATH}}`: opened at the call, where the tool takes them, and nowhere
/// else.
package enum SealedReference {
  fileprivate static let beginning = "{{input."
  fileprivate static let end = "}}"

  /// `{{input.api_key}}`.
  package static func text(_ path: String) -> String { beginning + path + end }

  /// Arguments that take references, by tool.
  private static let places = [
    HTTPCredentials.tool: ["url", "headers", "body"], "file.write": ["text"], "file.edit": ["old", "new"],
  ]

  package static func isTaken(by tool: String) -> Bool { places[tool] != nil }

  /// The arguments with the values in place of the references. Throws `tool_arguments_invalid` for a path that the task's
  /// input has nothing sealed at, or more than one member, for a value that does not fit its place, and for `[sealed]`
  /// where a value should stand.
  package static func opened(
    _ arguments: JSONValue, of tool: String, _ clear: ClearValues
  ) throws(ToolError) -> JSONValue {
    guard let names = places[tool], case .object(var members) = arguments else { return arguments }
    for name in names {
      guard let value = members[name] else { continue }
      let opening = Opening(place: place(name, tool, members), name: name, clear: clear)
      members[name] = try opening.opened(value)
    }
    return .object(members)
  }

  /// Whether the host of an HTTP request's URL, as its model wrote it, may come of a reference.
  package static func standsInHost(of arguments: JSONValue, of tool: String) -> Bool {
    guard tool == HTTPCredentials.tool, let url = arguments["url"]?.stringValue,
      let first = url.firstRange(of: beginning)
    else { return false }
    guard let scheme = url.firstRange(of: "://"), scheme.upperBound <= first.lowerBound else { return true }
    return !url[scheme.upperBound..<first.lowerBound].contains { "/?#\\".contains($0) }
  }

  private static func place(_ name: String, _ tool: String, _ members: [String: JSONValue]) -> Opening.Place {
    guard tool == HTTPCredentials.tool else { return .text }
    guard name == "body" else { return .line }
    guard let body = members["body"]?.stringValue else { return .text }
    let type = members["headers"]?.objectValue?.first { $0.key.lowercased() == "content-type" }?.value.stringValue
    // A body that is one value whole is what that value is.
    guard !JSONValue.string(body).isOnlyReferences else { return .text }
    let start = body.drop { $0.isWhitespace }
    let looksLikeJSON = start.hasPrefix("[") || start.hasPrefix("{") && !start.hasPrefix(beginning)
    return looksLikeJSON || type?.lowercased().contains("json") == true ? .jsonText : .text
  }
}

private struct Opening {
  enum Place {
    /// Any text.
    case text
    /// A URL or a header: no control characters.
    case line
    /// Text within strings of JSON.
    case jsonText
  }
  var place: Place
  var name: String
  var clear: ClearValues

  func opened(_ value: JSONValue) throws(ToolError) -> JSONValue {
    switch value {
    case .string(let text): return .string(try opened(text))
    case .array(var items):
      for index in items.indices { items[index] = try opened(items[index]) }
      return .array(items)
    case .object(var members):
      for (name, value) in members { members[name] = try opened(value) }
      return .object(members)
    default: return value
    }
  }

  private func opened(_ text: String) throws(ToolError) -> String {
    guard !text.contains(SealedMember.placeholder) else {
      throw invalid(
        "`\(name)` holds `\(SealedMember.placeholder)`, which stands for a value that you cannot see: write its "
          + "reference, or do without it")
    }
    // Without a sealed value there is nothing to refer to: templates of other programs look alike.
    guard clear.hasInput, text.contains(SealedReference.beginning) else { return text }
    var result = ""
    var rest = text[...]
    while let start = rest.firstRange(of: SealedReference.beginning) {
      result += rest[..<start.lowerBound]
      guard let end = rest[start.upperBound...].firstRange(of: SealedReference.end) else {
        throw invalid("`\(name)` has a reference without `}}`")
      }
      result += try value(at: String(rest[start.upperBound..<end.lowerBound]))
      rest = rest[end.upperBound...]
    }
    return result + rest
  }

  private func value(at path: String) throws(ToolError) -> String {
    guard let value = clear.reveal(path: path) else {
      guard !clear.isAmbiguous(path: path) else {
        throw invalid(
          "\(SealedReference.text(path)) in `\(name)` is the path of more than one member of the task's input, so that "
            + "it stands for none of them")
      }
      throw invalid("`\(name)` refers to something that is no sealed member of the task's input")
    }
    let text = value.stringValue ?? value.text
    switch place {
    case .text: return text
    case .jsonText:
      return String(decoding: JSONValue.string(text).encoded().dropFirst().dropLast(), as: UTF8.self)
    case .line:
      guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
        throw invalid(
          "the value of \(SealedReference.text(path)) has a line break or a control character: it cannot stand in `\(name)`"
        )
      }
      return text
    }
  }

  private func invalid(_ detail: String) -> ToolError {
    let known = clear.paths.prefix(20).map(SealedReference.text).joined(separator: ", ")
    return ToolError(
      "tool_arguments_invalid", known.isEmpty ? detail : "\(detail); the references there are: \(known)")
  }
}
