import AgentCore
import Logging

/// Writes a logger's events to a `LogFile`.
package struct FileLogHandler: LogHandler {
  private let component: String
  private let file: LogFile
  /// Nil: the file's level, which a reload may change.
  private var ownLevel: Logger.Level?
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?

  package init(label: String, file: LogFile) {
    component = label.split(separator: ".").last.map(String.init) ?? label
    self.file = file
  }

  package var logLevel: Logger.Level {
    get { ownLevel ?? file.level }
    set { ownLevel = newValue }
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var merged = metadata
    if let provided = metadataProvider?.get() { merged.merge(provided) { $1 } }
    if let own = event.metadata { merged.merge(own) { $1 } }
    var fields = merged.mapValues(Self.value)
    if let error = event.error, fields["error"] == nil { fields["error"] = .text("\(error)") }
    file.write(
      LogLine(
        time: file.now(), level: event.level, component: component, message: event.message.description, fields: fields))
  }

  private static func value(_ value: Logger.Metadata.Value) -> LogLine.Value {
    switch value {
    case .string(let text): .text(text)
    case .stringConvertible(let number as any BinaryInteger): .bare("\(number)")
    case .stringConvertible(let number as Double) where number.isFinite: .bare("\(number)")
    case .stringConvertible(let flag as Bool): .bare("\(flag)")
    case .stringConvertible(let other): .text("\(other)")
    case .array, .dictionary: .text(value.description)
    }
  }
}
