import AgentCore

/// A provider's key from the environment.
struct EnvironmentKey: Sendable, Hashable {
  /// `OPENAI_API_KEY` or `OPENAI_API_KEY_FILE`.
  var variable: String
  var secret: Secret
  /// Where the secret was read from, for the `_FILE` form.
  var file: String?

  /// Reads `VAR`, or the file that `VAR_FILE` names; nil where neither is set: nothing but white space is nothing. Both set, or a file that cannot be read,
  /// leave an issue.
  static func read(
    _ variable: String, _ kind: SecretText.Kind, _ environment: [String: String], issues: inout [ConfigIssue]
  ) -> EnvironmentKey? {
    let value = environment[variable].flatMap { SecretText.trimmed($0).isEmpty ? nil : $0 }
    let fileVariable = variable + "_FILE"
    let path = environment[fileVariable].flatMap { SecretText.trimmed($0).isEmpty ? nil : $0 }
    switch (value, path) {
    case (nil, nil): return nil
    case (_?, _?):
      issues.append(
        ConfigIssue(file: variable, code: .invalid, message: "is set, and \(fileVariable) too: set one of them"))
      return nil
    case (let value?, nil):
      switch SecretText.of(value, kind) {
      case .secret(let secret): return EnvironmentKey(variable: variable, secret: secret)
      case .problem(let problem):
        issues.append(ConfigIssue(file: variable, code: .invalid, message: problem))
        return nil
      }
    case (nil, let path?):
      switch SecretText.read(path, kind) {
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
