/// A file of `NAME=value` lines, as a unit's `EnvironmentFile` or a container's `--env-file` has it.
package enum EnvironmentFile {
  /// Reads lines such as `LOG_LEVEL=info`, also with `export ` before them or quotes around the value; blank lines and
  /// those that begin with `#` or `;` say nothing. Of a name that stands twice the last one counts.
  ///
  /// - Throws: `config_invalid` with the line of each that is none, and for a file that cannot be read.
  package static func read(_ path: String) throws(ConfigError) -> [String: String] {
    let (variables, issues) = variables(of: path)
    guard issues.isEmpty else { throw ConfigError(issues: issues) }
    return variables
  }

  /// What can be read of it, and what cannot.
  fileprivate static func variables(of path: String) -> ([String: String], [ConfigIssue]) {
    var log = IssueLog(file: path)
    var result: [String: String] = [:]
    switch ConfigFile.read(path, log: &log) {
    case .absent: log.add(.invalid, "there is no such file")
    case .unreadable: break
    case .text(let text): result = parse(text, &log)
    }
    return (result, log.issues)
  }

  private static func parse(_ text: String, _ log: inout IssueLog) -> [String: String] {
    var result: [String: String] = [:]
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      var rest = trimmed(line)
      if rest.isEmpty || rest.hasPrefix("#") || rest.hasPrefix(";") { continue }
      if rest.hasPrefix("export ") { rest = trimmed(rest.dropFirst("export ".count)) }
      guard let equals = rest.firstIndex(of: "="), rest[..<equals].wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) != nil
      else {
        // Not the line itself: a value may stand in it.
        log.add(.invalid, SourceMark(line: index + 1, column: 1), "is no line of the form NAME=value")
        continue
      }
      result[String(rest[..<equals])] = unquoted(trimmed(rest[rest.index(after: equals)...]))
    }
    return result
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }

  private static func unquoted(_ text: Substring) -> String {
    guard text.count >= 2, let first = text.first, first == text.last, first == "\"" || first == "'" else {
      return String(text)
    }
    return String(text.dropFirst().dropLast())
  }
}

extension ConfigFolder {
  /// Reads the folder with a file's variables as the environment.
  ///
  /// - Throws: All issues of that file, then all of the folder, where what a bad line was to set counts as unset.
  package static func load(
    _ folder: String?, environmentFile: String
  ) throws(ConfigError) -> LoadedConfiguration {
    let (variables, found) = EnvironmentFile.variables(of: environmentFile)
    var issues = found
    do throws(ConfigError) {
      let loaded = try load(folder, environment: variables)
      if issues.isEmpty { return loaded }
    } catch {
      issues += error.issues
    }
    throw ConfigError(issues: issues)
  }
}
