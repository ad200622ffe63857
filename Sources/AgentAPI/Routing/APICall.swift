import AgentCore
import AgentRuntime
import Hummingbird

/// A request that has found its route, with what came with it read and checked for shape.
struct APICall: Sendable {
  var request: Request
  var caller: Caller
  /// The caller may do this with tasks of their own alone; a task that the path names is theirs.
  var isOwnOnly = false
  var requestID: String
  /// Of the path, decoded.
  var parameters: [String: String]
  var query: QueryReader
  /// The body, for routes that take one; else `.null`.
  var body: JSONValue
  var callerGuard: CallerGuard
  /// Whether the caller may still do this: a reload may have narrowed their role since.
  var isStillAllowed: @Sendable () -> Bool = { true }
  /// Closes the connection at once, whatever is still to be written.
  var disconnect: @Sendable () -> Void

  /// The task that the path names. Throws `not_found` for what can be no task's id.
  func taskID() throws(APIError) -> TaskID {
    guard let id = TaskID(parameters["id"] ?? "") else { throw APIError("not_found", "there is no such task") }
    return id
  }

  func agentID() -> AgentID { AgentID(parameters["id"] ?? "") }

  /// Asks for one more permission than the route's.
  func require(_ permission: Permission) throws(APIError) { try callerGuard.require(permission, of: caller) }
}

extension Response {
  /// A JSON answer.
  static func json(
    _ value: JSONValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
  ) -> Response {
    json(encoded: value.encoded(), status: status, headers: headers)
  }

  /// The same, for a value that is encoded already.
  static func json(encoded bytes: [UInt8], status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
    var headers = headers
    headers[.contentType] = "application/json"
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// `{"data":[…],"next_cursor":…}`: the shape of every list.
  static func list(_ items: [JSONValue], nextCursor: String? = nil) -> Response {
    json(["data": .array(items), "next_cursor": JSONValue(nextCursor)])
  }
}
