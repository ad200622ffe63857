/// How a log line is written.
package enum LogFormat: String, Sendable, CaseIterable {
  /// `TIME LEVEL component message key=value…`
  case text
  /// One JSON object a line: `{"time":…,"level":…,"component":…,"message":…,"task":…}`
  case json
}
