import AgentCore
import FoundationEssentials

/// A task to be created, as the command line gives it.
struct TaskOrder: Sendable {
  var agent: String
  var prompt: String
  var folder: String?
  /// Paths on this machine.
  var files: [String]
  /// `name:value`
  var labels: [String]
  var priority: Int?
  var timeoutSeconds: Int64?

  /// The server's own limit.
  static let maximumPromptBytes = 1024 * 1024
  /// The server's own limit, for all files together.
  static let maximumFilesBytes = 8 * 1024 * 1024
  /// Requests for one task: the first, and again when the answer was lost.
  static let maximumTries = 4
  private static let pause: Duration = .seconds(1)

  /// Creates the task and returns it. An answer that was lost is asked for again with the same idempotency key, so
  /// that one order never becomes two tasks.
  func submit(_ session: ClientSession, key: String?) async throws(ClientError) -> JSONValue {
    let key = key ?? "cli-" + String(session.random.next(), radix: 16) + String(session.random.next(), radix: 16)
    let request = APIRequest(
      .post, "/api/tasks", body: try body(session.input), headers: [("Idempotency-Key", key)])
    for number in 1..<Self.maximumTries {
      do throws(ClientError) { return try await session.api.call(request).json } catch {
        guard Self.isUnknown(error), !Task.isCancelled else { throw error }
        // Cancelled while it waits: the next try ends at once with the reason.
        try? await session.clock.sleep(for: Self.pause * number)
      }
    }
    return try await session.api.call(request).json
  }

  /// The task may or may not exist.
  private static func isUnknown(_ error: ClientError) -> Bool {
    switch error {
    case .unreachable(_, _, let wasSent): wasSent
    case .problem(let problem): problem.status >= 500 || problem.code == "idempotency_in_flight"
    default: false
    }
  }

  func body(_ input: ClientInput) throws(ClientError) -> JSONValue {
    var members: [String: JSONValue] = ["agent": .string(agent), "input": .string(prompt)]
    if let folder { members["folder"] = .string(Self.absolute(folder, below: input.folder)) }
    if !files.isEmpty { members["files"] = .array(try uploads(input)) }
    if let priority { members["priority"] = JSONValue(priority) }
    if let timeoutSeconds { members["timeout_seconds"] = .integer(timeoutSeconds) }
    if !labels.isEmpty {
      let pairs = labels.map { label -> (String, JSONValue) in
        let parts = label.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), .string(parts.count > 1 ? String(parts[1]) : ""))
      }
      members["labels"] = .object(Dictionary(pairs, uniquingKeysWith: { _, last in last }))
    }
    return .object(members)
  }

  private func uploads(_ input: ClientInput) throws(ClientError) -> [JSONValue] {
    var left = Self.maximumFilesBytes
    var result: [JSONValue] = []
    for path in files {
      let bytes: [UInt8]
      do throws(ClientError) {
        bytes = try input.file(Self.absolute(path, below: input.folder), left)
      } catch {
        if case .usage(let detail) = error { throw .usage("--file \(detail)") }
        throw error
      }
      left -= bytes.count
      var upload: [String: JSONValue] = ["path": .string(Self.uploadPath(path))]
      if let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) {
        upload["text"] = .string(text)
      } else {
        upload["base64"] = .string(Data(bytes).base64EncodedString())
      }
      result.append(.object(upload))
    }
    return result
  }

  /// Where a file stands in the workspace: a relative path as it is, any other under its last name.
  static func uploadPath(_ path: String) -> String {
    let parts = path.split(separator: "/").filter { $0 != "." }
    if path.hasPrefix("/") || parts.contains("..") { return parts.last.map(String.init) ?? path }
    return parts.joined(separator: "/")
  }

  /// Without `.` and `..`, by the text alone: the server resolves links.
  static func absolute(_ path: String, below folder: String) -> String {
    var parts: [Substring] = []
    for part in (path.hasPrefix("/") ? path : folder + "/" + path).split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }
}
