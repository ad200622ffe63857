/// Why the configuration cannot be used: every issue that was found, by file and line. Never empty.
package struct ConfigError: Error, Sendable, Equatable {
  package var issues: [ConfigIssue]
  package init(issues: [ConfigIssue]) { self.issues = issues }

  /// EX_CONFIG of sysexits.h, for every issue alike.
  package static let exitCode: Int32 = 78
}

extension ConfigError: CustomStringConvertible {
  /// One issue a line.
  package var description: String { issues.map(\.description).joined(separator: "\n") }
}
