import AgentCore
import AgentRuntime
import HTTPTypes
import Hummingbird
import Logging
import NIOHTTP1

/// From a request to an answer: who asks, which route, may they, what came with it; then the route's verb. Every
/// refusal and every failure becomes a problem document here.
struct APIResponder: HTTPResponder {
  typealias Context = ConnectionContext

  private let table: RouteTable
  private let callerGuard: CallerGuard
  private let clock: any WallClock
  private let random: any RandomSource
  private let logger: Logger

  init(
    table: RouteTable, callerGuard: CallerGuard, clock: any WallClock, random: any RandomSource, logger: Logger
  ) {
    (self.table, self.callerGuard, self.clock) = (table, callerGuard, clock)
    (self.random, self.logger) = (random, logger)
  }

  func respond(to request: Request, context: ConnectionContext) async throws -> Response {
    let started = clock.uptime()
    let requestID = RequestName.of(request.head, random: random)
    var response: Response
    do {
      response = try await answer(request, context, requestID)
      if request.method == .head { response = response.createHeadResponse() }
    } catch let error as HTTPParserError {
      // The server itself answers 400 and closes: what follows on this connection cannot be read.
      throw error
    } catch {
      response = ErrorBody.response(for: error, requestID: requestID, logger: logger)
      if request.method == .head { response = response.createHeadResponse() }
    }
    response.headers[RequestName.field] = requestID
    response.headers[.xContentTypeOptions] = "nosniff"
    response.headers[Self.referrerPolicy] = "no-referrer"
    response.headers[.cacheControl] = "no-store"
    logger.debug(
      "answered",
      metadata: [
        "request": "\(requestID)", "method": "\(request.method.rawValue)", "status": "\(response.status.code)",
        "duration_ms": "\((clock.uptime() - started).wholeMilliseconds)",
      ])
    return response
  }

  private func answer(
    _ request: Request, _ context: ConnectionContext, _ requestID: String
  ) async throws -> Response {
    let target = (request.head.path ?? "")[...]
    let mark = target.firstIndex(of: "?") ?? target.endIndex
    let path = target[..<mark]
    // Open paths are the same to everybody, so nobody is asked who they are.
    let caller: Caller? =
      RouteTable.isOpen(path) ? nil : try callerGuard.identify(request.head, from: await context.facts())
    let (route, parameters) = try find(request.method, path)
    let isOwnOnly = try isOwnOnly(route, caller)
    if isOwnOnly, let caller { try await requireOwner(parameters, caller) }
    let query = try QueryReader(target[mark...].dropFirst(), allowed: route.query)
    let body = try await BodyReader(clock: clock).read(request, as: route.body)
    return try await route.answer(
      APICall(
        request: request, caller: caller ?? Self.nobody, isOwnOnly: isOwnOnly, requestID: requestID,
        parameters: parameters, query: query, body: body, callerGuard: callerGuard,
        isStillAllowed: { isStillAllowed(route, caller, wasOwnOnly: isOwnOnly) }, disconnect: { context.disconnect() }
      ))
  }

  /// Refuses who may not call the route; true for a caller who may for tasks of their own alone.
  private func isOwnOnly(_ route: Route, _ caller: Caller?) throws(APIError) -> Bool {
    if route.access == .open { return false }
    guard let caller else { throw APIError.notFound }
    switch route.access {
    case .open: break
    case .administrator: try callerGuard.requireAdministrator(caller)
    case .needs(let permission, let own):
      if let own, !caller.permissions.contains(permission), caller.permissions.contains(own) { return true }
      try callerGuard.require(permission, of: caller)
    }
    return false
  }

  private func isStillAllowed(_ route: Route, _ caller: Caller?, wasOwnOnly: Bool) -> Bool {
    do throws(APIError) {
      let isOwnOnly = try isOwnOnly(route, caller.map { callerGuard.renewed($0) })
      return wasOwnOnly || !isOwnOnly
    } catch {
      return false
    }
  }

  /// Another's task is not there, as far as this caller can tell. An id that can be none is the route's to refuse.
  private func requireOwner(_ parameters: [String: String], _ caller: Caller) async throws {
    guard let id = parameters["id"].flatMap({ TaskID($0) }) else { return }
    guard try await table.ownerOfTask(id) == caller.principal else {
      throw APIError("not_found", "there is no such task")
    }
  }

  private func find(
    _ method: HTTPRequest.Method, _ path: Substring
  ) throws(APIError) -> (Route, parameters: [String: String]) {
    guard path.hasPrefix("/") else { throw APIError("invalid_path", "the path begins with no slash") }
    var components: [String] = []
    for component in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
      guard let decoded = PercentText.decode(component) else {
        throw APIError("invalid_path", "a percent sign in the path is followed by no two digits, or by no UTF-8")
      }
      components.append(decoded)
    }
    switch table.match(method, components) {
    case .route(let route, let parameters): return (route, parameters)
    case .nothing: throw APIError.notFound
    case .otherMethod(let allowed):
      let names = allowed.map(\.rawValue).joined(separator: ", ")
      throw APIError("method_not_allowed", "this path takes \(names)", headers: [.allow: names])
    }
  }

  private static let nobody = Caller(principal: .local, permissions: .some([]))
  private static let referrerPolicy = RequestName.fieldName("Referrer-Policy")
}

/// The name under which a request stands in answers and the log: the caller's, if it is harmless there, else a new one.
enum RequestName {
  static let field = fieldName("X-Request-Id")
  private static let maximumLength = 64

  static func of(_ head: HTTPRequest, random: any RandomSource) -> String {
    if let given = head.headerFields[field], isHarmless(given) { return given }
    return hexadecimal(random.next()) + hexadecimal(random.next())
  }

  /// A header field's name that is known to be one.
  static func fieldName(_ text: String) -> HTTPField.Name {
    guard let name = HTTPField.Name(text) else { preconditionFailure("not a header field's name: \(text)") }
    return name
  }

  private static func isHarmless(_ text: String) -> Bool {
    (1...maximumLength).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  private static func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
