/// The issues of one file, collected until the whole file is read.
struct IssueLog {
  /// Nobody reads more at once; what is beyond it shows at the next try.
  static let maximumCount = 100

  let file: String
  private(set) var issues: [ConfigIssue] = []

  init(file: String) { self.file = file }

  mutating func add(_ code: ConfigIssue.Code, _ mark: SourceMark, _ message: String) {
    guard issues.count < Self.maximumCount else { return }
    issues.append(ConfigIssue(file: file, line: mark.line, column: mark.column, code: code, message: message))
  }

  /// An issue of the whole file.
  mutating func add(_ code: ConfigIssue.Code, _ message: String) {
    guard issues.count < Self.maximumCount else { return }
    issues.append(ConfigIssue(file: file, code: code, message: message))
  }

  /// Takes the issues of another file in.
  mutating func merge(_ other: IssueLog) { issues += other.issues.prefix(max(0, Self.maximumCount - issues.count)) }
}
