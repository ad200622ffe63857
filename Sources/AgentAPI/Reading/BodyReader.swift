import AgentCore
import HTTPTypes
import Hummingbird
import NIOCore

/// Takes a request's body in: its size and type checked first, then its bytes within a time, then as JSON.
struct BodyReader: Sendable {
  /// A client slower than this holds memory for nothing: 16 MiB in a minute is 280 KiB/s.
  static let deadline: Duration = .seconds(60)
  /// Enough to see that a body is empty, or an object without members.
  private static let emptyBytes = 1024

  let clock: any WallClock

  /// `.null` for a route that takes no body.
  func read(_ request: Request, as rule: Route.Body) async throws -> JSONValue {
    switch rule {
    case .none:
      // What comes with a GET is read past by the server: it has no meaning (RFC 9110, section 9.3.1).
      guard request.method != .get, request.method != .head else { return .null }
      let bytes = try await bytes(of: request, upTo: Self.emptyBytes)
      guard bytes.readableBytes > 0 else { return .null }
      try checkType(request.headers)
      var reader = FieldReader(try JSONValue(parsing: bytes.readableBytesView))
      reader.refuseUnknown()
      guard reader.problems.isEmpty else { throw APIError("invalid_field", fields: reader.problems) }
      return .null
    case .json(let maximumBytes):
      try checkType(request.headers)
      return try JSONValue(parsing: try await bytes(of: request, upTo: maximumBytes).readableBytesView)
    }
  }

  private func checkType(_ headers: HTTPFields) throws(APIError) {
    if let coding = headers[.contentEncoding], coding.lowercased() != "identity" {
      throw APIError("unsupported_media_type", "compressed bodies are not read")
    }
    let type = (headers[.contentType] ?? "").prefix { $0 != ";" }.lowercased()
    guard type.split(separator: " ") == ["application/json"] else {
      throw APIError("unsupported_media_type", "the body must be application/json")
    }
  }

  private func bytes(of request: Request, upTo limit: Int) async throws -> ByteBuffer {
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
      throw APIError("body_too_large", "at most \(limit) bytes")
    }
    let (body, clock) = (request.body, clock)
    return try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
      group.addTask {
        do {
          return try await body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
          throw APIError("body_too_large", "at most \(limit) bytes")
        } catch is ChannelError {
          throw APIError("body_incomplete", "the connection ended before the body did")
        }
      }
      group.addTask {
        try await clock.sleep(for: Self.deadline)
        throw APIError("request_timeout", "the body took longer than \(Self.deadline.components.seconds) seconds")
      }
      defer { group.cancelAll() }
      guard let first = try await group.next() else { throw CancellationError() }
      return first
    }
  }
}
