/// How urgent a line of the log is: error = someone should act; warning = will hurt; info = a task, agent or provider
/// changed state; debug the rest.
package enum LogLevel: String, Sendable {
  case debug, info, warning, error
}

/// Where the service says what happens. Prompts, replies, keys and tokens never go there.
package protocol ServiceLog: Sendable {
  /// A sentence, and fields by the fixed names: task, agent, provider, tool, step, principal, duration_ms, error, ….
  func record(_ level: LogLevel, _ component: String, _ message: String, _ fields: KeyValuePairs<String, String>)
}

package struct NoLog: ServiceLog {
  package init() {}
  package func record(
    _ level: LogLevel, _ component: String, _ message: String, _ fields: KeyValuePairs<String, String>
  ) {}
}
