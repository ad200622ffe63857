import AgentCore
import HTTPTypes
import Hummingbird

/// One line of the route table: what is asked, who may, what may come with it, and what answers.
struct Route: Sendable {
  enum Access: Sendable, Hashable {
    /// Everybody, whatever address or `Host`: probes carry no credentials.
    case open
    /// `own`: enough for tasks that the caller made.
    case needs(Permission, own: Permission? = nil)
    /// Root, the service's user and its group, over the unix socket alone: no role has it.
    case administrator
  }

  enum Body: Sendable, Hashable {
    /// None; an empty one, or an object without members, is let pass.
    case none
    case json(maximumBytes: Int)

    /// Files of 8 MiB in base64, and the input.
    static let large = Body.json(maximumBytes: 16 * 1024 * 1024)
    static let small = Body.json(maximumBytes: 2 * 1024 * 1024)
  }

  var method: HTTPRequest.Method
  var pattern: PathPattern
  var access: Access
  /// Names that a query may have.
  var query: Set<String>
  var body: Body
  /// The answer comes piece by piece: there is no HEAD of it.
  var isStream: Bool
  var answer: @Sendable (APICall) async throws -> Response

  init(
    _ method: HTTPRequest.Method, _ pattern: PathPattern, _ access: Access, query: Set<String> = [],
    body: Body = .none, isStream: Bool = false, _ answer: @escaping @Sendable (APICall) async throws -> Response
  ) {
    (self.method, self.pattern, self.access, self.query) = (method, pattern, access, query)
    (self.body, self.isStream, self.answer) = (body, isStream, answer)
  }
}
