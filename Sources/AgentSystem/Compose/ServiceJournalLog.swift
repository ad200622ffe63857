import AgentCore
import AgentObservability
import AgentPersistence
import Logging

/// The engine's and the store's words, as lines of `app.log`.
struct ServiceJournalLog: ServiceLog {
  let file: LogFile

  func record(
    _ level: LogLevel, _ component: String, _ message: String, _ fields: KeyValuePairs<String, String>
  ) {
    var metadata: Logger.Metadata = [:]
    for (name, value) in fields { metadata[name] = .string(value) }
    file.logger(component).log(level: level.loggerLevel, "\(message)", metadata: metadata)
  }
}

extension LogLevel {
  fileprivate var loggerLevel: Logger.Level {
    switch self {
    case .debug: .debug
    case .info: .info
    case .warning: .warning
    case .error: .error
    }
  }
}
