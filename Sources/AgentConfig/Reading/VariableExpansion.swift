/// Puts the environment's values in place of `${VAR}` and `${VAR:-default}`: once, in scalar values, after the file was
/// parsed, so that no value can become YAML. `$${` is the text `${`.
struct VariableExpansion {
  let environment: [String: String]
  /// Paths as declared, whose text is somebody else's code: `agents.*.instructions`.
  let verbatim: [[Substring]]

  init(environment: [String: String], keys: [ConfigKey]) {
    self.environment = environment
    verbatim = keys.filter(\.isVerbatim).map { $0.path.split(separator: ".") }
  }

  /// Reports each variable that is not set, at its value's place; such a value is broken then.
  func expand(_ node: YAMLNode, log: inout IssueLog) -> YAMLNode { expand(node, [], &log) }

  private func expand(_ node: YAMLNode, _ path: [Substring], _ log: inout IssueLog) -> YAMLNode {
    var result = node
    switch node.content {
    case .broken: break
    case .sequence(let items): result.content = .sequence(items.map { expand($0, path + ["*"], &log) })
    case .mapping(let entries):
      result.content = .mapping(
        entries.map { entry in
          var entry = entry
          entry.value = expand(entry.value, path + [Substring(entry.key)], &log)
          return entry
        })
    case .scalar(let text, let isPlain):
      guard text.contains("${"), !isVerbatim(path) else { break }
      var pass = Pass(environment: environment)
      let expanded = pass.run(text)
      for problem in pass.problems { log.add(problem.code, node.mark, problem.message) }
      result.content = pass.problems.isEmpty ? .scalar(expanded, isPlain: isPlain) : .broken
      result.variables = pass.names
      if !pass.names.isEmpty { result.written = text }
    }
    return result
  }

  private func isVerbatim(_ path: [Substring]) -> Bool {
    verbatim.contains { pattern in
      pattern.count == path.count && zip(pattern, path).allSatisfy { $0 == "*" || $0 == $1 }
    }
  }

  /// One scalar's text.
  private struct Pass {
    let environment: [String: String]
    var names: [String] = []
    var problems: [(code: ConfigIssue.Code, message: String)] = []

    mutating func run(_ text: String) -> String {
      var result = ""
      var rest = text[...]
      while let dollar = rest.firstIndex(of: "$") {
        result += rest[..<dollar]
        rest = rest[dollar...]
        if rest.hasPrefix("$${") {
          result += "${"
          rest = rest.dropFirst(3)
        } else if rest.hasPrefix("${") {
          rest = rest.dropFirst(2)
          result += reference(&rest)
        } else {
          result += "$"
          rest = rest.dropFirst()
        }
      }
      return result + rest
    }

    /// What stands behind `${`, up to its `}`.
    private mutating func reference(_ rest: inout Substring) -> String {
      guard let end = rest.firstIndex(of: "}") else {
        rest = ""
        return malformed()
      }
      let inside = rest[..<end]
      rest = rest[rest.index(after: end)...]
      let name = inside.prefix { $0 == "_" || ($0.isASCII && ($0.isLetter || $0.isNumber)) }
      let tail = inside[name.endIndex...]
      guard let first = name.first, !first.isNumber, tail.isEmpty || tail.hasPrefix(":-") else { return malformed() }
      guard !tail.contains("${") else {
        problems.append((.invalid, "the default of ${\(name):-…} holds another '${', and no default is expanded"))
        return ""
      }
      if !names.contains(String(name)) { names.append(String(name)) }
      // Empty counts as unset, as in a shell's `:-`: a variable that a unit or a container only passes on is empty.
      if let value = environment[String(name)], !value.isEmpty {
        if value.unicodeScalars.allSatisfy(Self.isPrintable) { return value }
        problems.append(
          (.invalid, "the environment variable \(name) holds a control character, or bytes that are no UTF-8"))
        return ""
      }
      if !tail.isEmpty { return String(tail.dropFirst(2)) }
      problems.append(
        (.variableUnset, "the environment variable \(name) is not set, or empty: set it, or write ${\(name):-default}"))
      return ""
    }

    /// What YAML takes as it stands (YAML 1.1, section 5.1), but for U+FFFD: the environment's reader puts that in place of
    /// bytes that are no UTF-8.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.value {
      case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xFFFC, 0x1_0000...: true
      default: false
      }
    }

    private mutating func malformed() -> String {
      problems.append(
        (.invalid, "'${' begins no variable: write ${NAME} or ${NAME:-default}, or $${ for the two characters"))
      return ""
    }
  }
}
