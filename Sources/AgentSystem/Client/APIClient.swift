import AgentCore
import Glibc
import HTTPTransport

/// Speaks the server's API: JSON out, JSON or an error in.
struct APIClient: Sendable {
  let address: ServerAddress
  private let transport: CurlTransport

  /// A local server answers a connection at once; one beyond a bad line within this.
  private static let connectTimeout: Duration = .seconds(10)
  /// The slowest verb (`cleanup` of years of tasks) may take long; the connection shows whether the server lives.
  private static let answerTimeout: Duration = .seconds(600)
  /// Twice a page of 500 tasks with all their members at their longest.
  private static let maximumAnswerBytes = 32 * 1024 * 1024
  /// What is read of an error's body before it counts as too long to matter.
  private static let maximumProblemBytes = 64 * 1024

  init(address: ServerAddress, transport: CurlTransport) {
    (self.address, self.transport) = (address, transport)
  }

  /// Sends and reads one answer. Throws `problem` for every status that is not 2xx.
  func call(_ request: APIRequest) async throws(ClientError) -> APIAnswer {
    let response: HTTPExchange.Response
    do throws(TransportError) {
      response = try await transport.send(exchange(request, accept: "application/json"))
    } catch {
      throw failure(error)
    }
    guard (200..<300).contains(response.status) else { throw problem(response.head, response.body) }
    return APIAnswer(status: response.status, json: try json(response))
  }

  /// Sends and returns with the answer's head; its body follows. `idle`: how long the body may be silent.
  func stream(
    _ request: APIRequest, accept: String, idle: Duration?
  ) async throws(ClientError) -> HTTPExchange.StreamedResponse {
    var exchange = exchange(request, accept: accept)
    exchange.maximumResponseBytes = nil
    exchange.timeouts.total = nil
    exchange.timeouts.idle = idle
    let response: HTTPExchange.StreamedResponse
    var body: [UInt8] = []
    do throws(TransportError) {
      response = try await transport.stream(exchange)
      if (200..<300).contains(response.status) { return response }
      var pieces = response.body.makeAsyncIterator()
      while body.count < Self.maximumProblemBytes, let bytes = try await pieces.next() {
        body.append(contentsOf: bytes)
      }
    } catch {
      throw failure(error)
    }
    throw problem(response.head, body)
  }

  /// What a transport's failure means to the caller of a verb.
  func failure(_ error: TransportError) -> ClientError {
    switch error.code {
    case .tooLarge, .malformed: return .badAnswer(server: "\(address)", detail: error.detail)
    case .unreachable:
      if let path = address.socketPath, access(path, R_OK | W_OK) != 0, errno == EACCES {
        return .socketForbidden(path: path)
      }
    case .timeout, .tlsFailed, .egressDenied, .tooManyRedirects, .cancelled, .connectionLost: break
    }
    return .unreachable(server: "\(address)", detail: error.detail, wasSent: error.wasSent)
  }

  private func exchange(_ request: APIRequest, accept: String) -> HTTPExchange.Request {
    var headers = [("Accept", accept)] + request.headers
    if request.body != nil { headers.append(("Content-Type", "application/json")) }
    return HTTPExchange.Request(
      method: request.method.rawValue, url: address.url(of: request.target), headers: headers,
      body: request.body?.encoded(),
      timeouts: HTTPExchange.Timeouts(
        connect: Self.connectTimeout, firstByte: Self.answerTimeout, idle: Self.answerTimeout, total: nil),
      unixSocketPath: address.socketPath, maximumResponseBytes: Self.maximumAnswerBytes)
  }

  private func problem(_ head: HTTPExchange.Head, _ body: [UInt8]) -> ClientError {
    .problem(ClientError.Problem(status: head.status, requestID: head.value(of: "x-request-id"), body: body))
  }

  private func json(_ response: HTTPExchange.Response) throws(ClientError) -> JSONValue {
    if response.body.isEmpty { return .null }
    // Deeper than a caller's own body: what the service keeps stands in envelopes.
    do throws(JSONSyntaxError) { return try JSONValue(stored: response.body) } catch {
      throw .badAnswer(server: "\(address)", detail: "its answer is not JSON")
    }
  }
}
