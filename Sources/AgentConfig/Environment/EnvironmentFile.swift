import AgentCore

/// A file of `NAME=value` lines, as systemd reads a unit's `EnvironmentFile` (systemd.exec(5)). What systemd would pass
/// over in silence is refused: whoever wrote it meant something.
package enum EnvironmentFile {
  /// Reads lines such as `LOG_LEVEL=info`, also with quotes around the value and backslashes in it; blank lines and those
  /// that begin with `#` or `;` say nothing. Of a name that stands twice the last one counts.
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
    switch ConfigFile.read(path, keepsMark: true, log: &log) {
    case .absent: log.add(.invalid, "there is no such file")
    case .unreadable: break
    case .text(let text):
      var reading = Reading(log: log)
      reading.run(text)
      (result, log) = (reading.variables, reading.log)
    }
    return (result, log.issues)
  }

  /// One file's text, scalar by scalar, in systemd's states.
  private struct Reading {
    private enum State { case lineStart, name, comment, valueStart, value, singleQuoted, doubleQuoted }

    var log: IssueLog
    private(set) var variables: [String: String] = [:]
    private var state = State.lineStart
    /// A backslash stands before the scalar that comes.
    private var isEscaped = false
    private var (name, value): ([Unicode.Scalar], [Unicode.Scalar]) = ([], [])
    /// Of the value: its scalars without the blanks that an end of line would take off.
    private var solidCount = 0
    private var line = 1
    /// Where the assignment begins: a quoted value has lines of its own.
    private var firstLine = 1

    init(log: IssueLog) { self.log = log }

    mutating func run(_ text: String) {
      var last: Unicode.Scalar?
      for scalar in text.unicodeScalars {
        // CRLF is one end of line; the scalars of it are two to systemd, of which the second is a blank.
        if last == "\n" || last == "\r" && scalar != "\n" { line += 1 }
        take(scalar)
        last = scalar
      }
      if state == .singleQuoted || state == .doubleQuoted {
        report("has a quote that is not closed: all that follows would be the value")
      } else if state != .lineStart, state != .comment {
        endLine()
      }
    }

    private mutating func take(_ scalar: Unicode.Scalar) {
      let isBreak = scalar == "\n" || scalar == "\r"
      switch state {
      case .lineStart:
        if Self.isBlank(scalar) { break }
        firstLine = line
        state = scalar == "#" || scalar == ";" ? .comment : .name
        if state == .name { name.append(scalar) }
      case .comment:
        if isBreak, isEscaped {
          report("is a comment that ends in a backslash: some versions of systemd go on with it")
        }
        if isBreak { state = .lineStart }
        isEscaped = scalar == "\\" && !isEscaped
      case .name:
        if isBreak { return endLine() }
        if scalar == "=" { state = .valueStart } else { name.append(scalar) }
      case .singleQuoted:
        if scalar == "'" { state = .valueStart } else { keep(scalar) }
      case .doubleQuoted: takeDoubleQuoted(scalar)
      case .valueStart, .value: takeUnquoted(scalar, isBreak)
      }
    }

    private mutating func takeUnquoted(_ scalar: Unicode.Scalar, _ isBreak: Bool) {
      if isEscaped {
        (isEscaped, state) = (false, .value)
        if !isBreak { keep(scalar) }
      } else if isBreak {
        endLine()
      } else if scalar == "\\" {
        isEscaped = true
        // Blanks before it stay.
        solidCount = value.count
      } else if state == .valueStart, scalar == "'" || scalar == "\"" {
        state = scalar == "'" ? .singleQuoted : .doubleQuoted
      } else if !Self.isBlank(scalar) {
        state = .value
        keep(scalar)
      } else if state == .value {
        value.append(scalar)
      }
    }

    private mutating func takeDoubleQuoted(_ scalar: Unicode.Scalar) {
      if isEscaped {
        isEscaped = false
        if scalar == "\n" { return }
        // Only what a shell would take for something else is escaped by it.
        if !"\"\\`$".unicodeScalars.contains(scalar) { keep("\\") }
        keep(scalar)
      } else if scalar == "\\" {
        isEscaped = true
      } else if scalar == "\"" {
        state = .valueStart
      } else {
        keep(scalar)
      }
    }

    private mutating func keep(_ scalar: Unicode.Scalar) {
      value.append(scalar)
      solidCount = value.count
    }

    private mutating func endLine() {
      let hasValue = state != .name
      while let last = name.last, Self.isBlank(last) { name.removeLast() }
      let text = String(String.UnicodeScalarView(name))
      // Not the line itself: a value may stand in it.
      if text.hasPrefix("export"), text.unicodeScalars.dropFirst("export".count).first.map(Self.isBlank) == true {
        report("begins with `export`, a word for shells: systemd passes over the line; leave the word out")
      } else if !hasValue || text.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) == nil {
        report("is no line of the form NAME=value")
      } else {
        variables[text] = String(String.UnicodeScalarView(value.prefix(solidCount)))
      }
      (name, value, solidCount) = ([], [], 0)
      (state, isEscaped) = (.lineStart, false)
    }

    private mutating func report(_ message: String) {
      log.add(.invalid, SourceMark(line: firstLine, column: 1), message)
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool { " \t\n\r".unicodeScalars.contains(scalar) }
  }
}

extension ConfigFolder {
  /// Reads the folder with a file's variables as the environment. `installed`: as in `load(_:environment:tools:installed:)`.
  ///
  /// - Throws: All issues of that file, then all of the folder, where what a bad line was to set counts as unset.
  package static func load(
    _ folder: String?, environmentFile: String, installed: String = defaultPath
  ) throws(ConfigError) -> LoadedConfiguration {
    let (variables, found) = EnvironmentFile.variables(of: environmentFile)
    var issues = found
    do throws(ConfigError) {
      let loaded = try load(folder, environment: variables, installed: installed)
      if issues.isEmpty { return loaded }
    } catch {
      issues += error.issues
    }
    throw ConfigError(issues: issues)
  }
}
