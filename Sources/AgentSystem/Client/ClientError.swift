import AgentCore

/// Why a client verb did not do what it was asked.
enum ClientError: Error, Sendable, Equatable {
  /// No connection, or one that ended before the answer did. `wasSent`: the server may have acted on the request.
  case unreachable(server: String, detail: String, wasSent: Bool)
  /// The server's socket is there, but this user may not open it.
  case socketForbidden(path: String)
  /// The server answered with an error status.
  case problem(Problem)
  /// Something answered that does not speak this product's protocol.
  case badAnswer(server: String, detail: String)
  /// The command line asks for something that cannot be.
  case usage(String)
  /// The environment says something that cannot be.
  case configuration(String)
  /// Standard output takes no more: a full disk, a closed pipe.
  case outputClosed

  /// The body of an error answer (RFC 9457), or what stands for it when the body is something else.
  struct Problem: Sendable, Equatable {
    /// One member of the request that breaks a rule.
    struct Field: Sendable, Equatable {
      /// RFC 6901: `/priority`.
      var pointer: String
      var detail: String
    }
    var status: Int
    /// The stable code, e.g. `task_finished`; `http_502` where the body names none.
    var code: String
    var detail: String
    var requestID: String?
    var fields: [Field] = []
    /// The body as it came; null where it is no JSON.
    var json: JSONValue = .null
  }

  /// For programs: the server's own body where it sent one, else an object of the same members.
  var json: JSONValue {
    if case .problem(let problem) = self, problem.json != .null { return problem.json }
    return UsageReport.json(code: code, detail: sentence)
  }

  private var code: String {
    switch self {
    case .unreachable: "unreachable"
    case .socketForbidden: "socket_forbidden"
    case .problem(let problem): problem.code
    case .badAnswer: "bad_answer"
    case .usage: "usage"
    case .configuration: "configuration"
    case .outputClosed: "output_closed"
    }
  }

  /// A sentence for people, without a final full stop and not yet safe to show.
  var sentence: String {
    switch self {
    case .unreachable(let server, let detail, _): "the server at \(server) does not answer: \(detail)"
    case .socketForbidden(let path):
      "this user may not open \(path): use sudo, or let an administrator add you to the group by `sudo usermod -aG "
        + "agent-system NAME` and sign in again"
    case .problem(let problem): problem.sentence
    case .badAnswer(let server, let detail): "what answers at \(server) is not an Agent System: \(detail)"
    case .usage(let detail), .configuration(let detail): detail
    case .outputClosed: "the output cannot be written"
    }
  }
}

extension ClientError.Problem {
  /// Lists more than this are cut: the first faults are enough to go on.
  private static let maximumFields = 20

  /// Reads an error answer. `requestID` is the `X-Request-Id` field, for bodies that name none.
  init(status: Int, requestID: String?, body: [UInt8]) {
    // A proxy's HTML page is no JSON; the status alone must do then.
    let json = (try? JSONValue(parsing: body)) ?? .null
    // The gateway's routes wrap theirs as OpenAI's and Anthropic's clients expect it.
    let source = json["error"]?.objectValue == nil ? json : json["error"] ?? json
    self.status = status
    code = source["code"]?.stringValue ?? "http_\(status)"
    detail =
      source["detail"]?.stringValue ?? source["message"]?.stringValue ?? source["title"]?.stringValue
      ?? "the server answered with status \(status)"
    self.requestID = source["request_id"]?.stringValue ?? requestID
    fields = (source["errors"]?.arrayValue ?? []).prefix(Self.maximumFields).compactMap { item in
      guard let pointer = item["pointer"]?.stringValue, let detail = item["detail"]?.stringValue else { return nil }
      return Field(pointer: pointer, detail: detail)
    }
    self.json = json
  }

  fileprivate var sentence: String {
    let request = requestID.map { ", request \($0)" } ?? ""
    let faults = fields.map { "\n  \($0.pointer): \($0.detail)" }.joined()
    return "\(detail) (\(code)\(request))\(faults)"
  }
}
