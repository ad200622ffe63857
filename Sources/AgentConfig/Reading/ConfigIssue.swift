/// One thing that is wrong, or worth a warning, in the configuration files.
package struct ConfigIssue: Sendable, Hashable {
  package enum Code: String, Sendable, CaseIterable {
    /// Not YAML, an unknown key, a wrong type, a value out of range.
    case invalid = "config_invalid"
    /// A key, a value or a notation that is known but that this build cannot do.
    case notSupported = "config_not_supported"
    /// An address that is not loopback, without TLS.
    case plaintextRefused = "plaintext_refused"
    /// `${VAR}` without a default, and no such variable.
    case variableUnset = "config_variable_unset"
    /// `DATABASE_URL` names a database server.
    case databaseURLUnsupported = "database_url_unsupported"
    /// `JWT_SECRET` is too short to be one.
    case jwtSecretWeak = "jwt_secret_weak"
    /// Callers without credentials may do more than see the agents' status, and others than this machine may call.
    case localRoleTooWide = "local_role_too_wide"
    /// A warning: an agent has a tool that the role `agent` does not allow.
    case toolForbidden = "tool_forbidden"
    /// A warning: everybody on this machine may do what the role `local` has.
    case localOpen = "local_role_open"
    /// For `config check` alone: a role that reads everybody's tasks.
    case roleReadsAll = "role_reads_all"
    /// A warning: nothing reads this variable.
    case ignored = "config_ignored"
    /// A warning: nothing reads this file.
    case notRead = "config_not_read"
    /// A warning: a provider that is used needs a key and has none.
    case noKey = "no_key"
  }
  /// The file's path as the folder was given, or a flag (`--listen`), or an environment variable (`LOG_LEVEL`).
  package var file: String
  /// From 1; 0 where the issue is the whole file's.
  package var line: Int
  /// From 1, counted in Unicode scalars; 0 where the issue is the whole file's.
  package var column: Int
  package var code: Code
  /// One sentence, without a full stop; never a secret's value.
  package var message: String
  /// It only says how many more there are: the last of its file.
  private var isRest = false

  package init(file: String, line: Int = 0, column: Int = 0, code: Code, message: String) {
    (self.file, self.line, self.column, self.code) = (Self.printable(file, 4096), line, column, code)
    self.message = Self.printable(message, Self.maximumMessageScalars)
  }

  /// For the issues of a file that are too many to be told.
  init(file: String, untold count: Int) {
    self.init(file: file, code: .invalid, message: "and \(count) more")
    isRest = true
  }

  /// Long enough for a key and its neighbours.
  private static let maximumMessageScalars = 400

  /// Messages quote files, variables and flags: neither a control character nor a megabyte of them may reach a terminal.
  private static func printable(_ text: String, _ maximum: Int) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(maximum) {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: result.append("\u{FFFD}")
      default: result.append(scalar)
      }
    }
    return String(result)
  }
}

extension ConfigIssue: CustomStringConvertible {
  /// `/etc/agent-system/server.yaml:3:1: config_invalid: unknown key 'wrokers'; did you mean 'workers'?`
  package var description: String {
    (line > 0 ? "\(file):\(line):\(column)" : file) + ": \(code.rawValue): \(message)"
  }
}

extension ConfigIssue: Comparable {
  /// By place: file, line, column; what says that there are more comes last.
  package static func < (left: ConfigIssue, right: ConfigIssue) -> Bool {
    if left.file == right.file, left.isRest != right.isRest { return right.isRest }
    return (left.file, left.line, left.column, left.message) < (right.file, right.line, right.column, right.message)
  }
}
