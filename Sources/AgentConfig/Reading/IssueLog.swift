/// The issues of one file, collected until the whole file is read.
struct IssueLog {
  /// Nobody reads more at once; what is beyond it shows at the next try.
  static let maximumCount = 100

  let file: String
  private var kept: [ConfigIssue] = []
  /// How many of each file are not told, of files that have such.
  private var untold: [String: Int] = [:]

  init(file: String) { self.file = file }

  /// What was found; last, for each file that has more than fits, how many more.
  var issues: [ConfigIssue] {
    kept + untold.sorted { $0.key < $1.key }.map { ConfigIssue(file: $0.key, untold: $0.value) }
  }

  mutating func add(_ code: ConfigIssue.Code, _ mark: SourceMark, _ message: String) {
    add(ConfigIssue(file: file, line: mark.line, column: mark.column, code: code, message: message))
  }

  /// An issue of the whole file.
  mutating func add(_ code: ConfigIssue.Code, _ message: String) {
    add(ConfigIssue(file: file, code: code, message: message))
  }

  /// Takes the issues of another file in.
  mutating func merge(_ other: IssueLog) {
    for issue in other.kept { add(issue) }
    untold.merge(other.untold, uniquingKeysWith: +)
  }

  private mutating func add(_ issue: ConfigIssue) {
    if kept.count < Self.maximumCount { kept.append(issue) } else { untold[issue.file, default: 0] += 1 }
  }
}
