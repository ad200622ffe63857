/// The issues of one file, collected until the whole file is read.
struct IssueLog {
  /// Nobody reads more at once; what is beyond it shows at the next try.
  static let maximumCount = 100

  let file: String
  private(set) var issues: [ConfigIssue] = []

  init(file: String) { self.file = file }

  mutating func add(_ code: ConfigIssue.Code, _ mark: SourceMark, _ message: String) {
    guard issues.count < Self.maximumCount else { return }
    issues.append(
      ConfigIssue(file: file, line: mark.line, column: mark.column, code: code, message: Self.printable(message)))
  }

  /// An issue of the whole file.
  mutating func add(_ code: ConfigIssue.Code, _ message: String) {
    guard issues.count < Self.maximumCount else { return }
    issues.append(ConfigIssue(file: file, code: code, message: Self.printable(message)))
  }

  /// Takes the issues of another file in.
  mutating func merge(_ other: IssueLog) { issues += other.issues.prefix(max(0, Self.maximumCount - issues.count)) }

  /// Long enough for a key and its neighbours.
  private static let maximumMessageScalars = 400

  /// Messages quote the file: neither a control character nor a megabyte of it may reach a terminal.
  private static func printable(_ message: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in message.unicodeScalars.prefix(maximumMessageScalars) {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: result.append("\u{FFFD}")
      default: result.append(scalar)
      }
    }
    return String(result)
  }
}
