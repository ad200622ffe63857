import AgentCore

/// A provider's key from the environment.
struct EnvironmentKey: Sendable, Hashable {
  /// `OPENAI_API_KEY` or `OPENAI_API_KEY_FILE`.
  var variable: String
  var secret: Secret
  /// Where the secret was read from, for the `_FILE` form.
  var file: String?

  /// Reads `VAR`, or the file that `VAR_FILE` names; nil where neither is set. Both set, or a file that cannot be read,
  /// leave an issue.
  static func read(
    _ variable: String, _ environment: [String: String], issues: inout [ConfigIssue]
  ) -> EnvironmentKey? {
    let value = environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    let fileVariable = variable + "_FILE"
    let path = environment[fileVariable].flatMap { $0.isEmpty ? nil : $0 }
    switch (value, path) {
    case (nil, nil): return nil
    case (_?, _?):
      issues.append(
        ConfigIssue(file: variable, code: .invalid, message: "is set, and \(fileVariable) too: set one of them"))
      return nil
    case (let value?, nil):
      guard !SecretText.hasControlCharacter(value) else {
        issues.append(
          ConfigIssue(file: variable, code: .invalid, message: "holds a control character (a line break, perhaps)"))
        return nil
      }
      return EnvironmentKey(variable: variable, secret: Secret(value))
    case (nil, let path?):
      switch SecretText.read(path) {
      case .secret(let secret): return EnvironmentKey(variable: fileVariable, secret: secret, file: path)
      case .problem(let problem):
        // Without a slash it may be the key itself, put into the wrong variable.
        let shown = path.contains("/") ? path : "the file that it names"
        issues.append(ConfigIssue(file: fileVariable, code: .invalid, message: "\(shown) \(problem)"))
        return nil
      }
    }
  }
}
