/// What the process tells its parent (sysexits.h where it has a word for it).
enum ProcessExit: Int32, Sendable {
  case done = 0
  case failed = 1
  case usage = 64
  case unreachable = 69
  case notAllowed = 77
  case configuration = 78

  /// The one place where errors of client verbs become exit codes.
  init(_ error: ClientError) {
    switch error {
    case .unreachable: self = .unreachable
    case .socketForbidden: self = .notAllowed
    case .problem(let problem): self = problem.status == 401 || problem.status == 403 ? .notAllowed : .failed
    case .badAnswer, .outputClosed: self = .failed
    case .usage: self = .usage
    case .configuration: self = .configuration
    }
  }
}
