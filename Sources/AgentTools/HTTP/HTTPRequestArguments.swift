import AgentCore
import HTTPTransport

/// The arguments of `http.request`, read and checked.
struct HTTPRequestArguments: Sendable {
  var method: String
  var url: HTTPURL
  /// Sorted by name.
  var headers: [(name: String, value: String)]
  var body: [UInt8]?

  /// As large as a task's `input`.
  static let maximumBodyBytes = 1024 * 1024
  /// More than any API asks for; with the next it keeps a head below what servers take.
  static let maximumHeaders = 64
  static let maximumHeaderBytes = 16 * 1024
  /// Registered methods have at most 17 letters (RFC 9110 section 16.1).
  static let maximumMethodBytes = 32

  /// Throws `tool_arguments_invalid` with a sentence that the model can act on.
  init(_ arguments: JSONValue) throws(ToolError) {
    guard let members = arguments.objectValue else { throw Self.invalid(arguments.faultAsArguments) }
    if let unknown = members.keys.sorted().first(where: { !["method", "url", "headers", "body"].contains($0) }) {
      throw Self.invalid("unknown argument `\(unknown.prefix(64))`")
    }
    method = try Self.method(members["method"])
    url = try Self.url(members["url"])
    headers = try Self.headers(members["headers"] ?? .null)
    body = nil
    try setBody(members["body"] ?? .null)
  }

  /// What the method may do to the other side, by RFC 9110 section 9.2. A POST with a key is answered once by servers
  /// that know the field; whoever sets it vouches for that. A blank value arrives as an empty one and is no key.
  var effect: EffectClass {
    switch method {
    case "GET", "HEAD": .pure
    case "PUT": .idempotent
    case "POST": value(of: "idempotency-key").map { !HTTPToken.isBlank($0) } == true ? .idempotent : .once
    default: .once
    }
  }

  /// The value of that field; `name` in lower case.
  func value(of name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }

  private static func method(_ value: JSONValue?) throws(ToolError) -> String {
    guard let text = value?.stringValue else { throw invalid("`method` must be a string") }
    guard HTTPToken.isToken(text), text.utf8.count <= maximumMethodBytes else {
      throw invalid("`method` is no HTTP method")
    }
    let upper = text.uppercased()
    guard !["CONNECT", "TRACE"].contains(upper) else { throw invalid("the method \(upper) is not offered") }
    // Methods are case-sensitive; of the common ones nobody means the other spelling.
    return ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(upper) ? upper : text
  }

  private static func url(_ value: JSONValue?) throws(ToolError) -> HTTPURL {
    guard let text = value?.stringValue else { throw invalid("`url` must be a string") }
    do {
      return try HTTPURL(text)
    } catch {
      throw invalid("`url`: \(error.detail)")
    }
  }

  private static func headers(_ value: JSONValue) throws(ToolError) -> [(name: String, value: String)] {
    if value.isNull { return [] }
    guard let members = value.objectValue else { throw invalid("`headers` must be an object of strings") }
    guard members.count <= maximumHeaders else { throw invalid("more than \(maximumHeaders) headers") }
    var headers: [(name: String, value: String)] = []
    var names: Set<String> = []
    for name in members.keys.sorted() {
      guard HTTPToken.isToken(name) else { throw invalid("a header's name has a character that it must not have") }
      guard let value = members[name]?.stringValue else { throw invalid("the header `\(name)` must be a string") }
      guard HTTPToken.isFieldValue(value) else { throw invalid("the header `\(name)` has a control character") }
      guard !refusedHeaders.contains(name.lowercased()) else {
        throw invalid("the header `\(name)` is not yours to set")
      }
      guard names.insert(name.lowercased()).inserted else { throw invalid("the header `\(name)` stands twice") }
      headers.append((name, value))
    }
    guard headers.reduce(0, { $0 + $1.name.utf8.count + $1.value.utf8.count }) <= maximumHeaderBytes else {
      throw invalid("the headers are longer than \(maximumHeaderBytes) bytes")
    }
    return headers
  }

  /// A string goes as it is; any other value goes as JSON.
  private mutating func setBody(_ value: JSONValue) throws(ToolError) {
    if value.isNull { return }
    guard effect != .pure else { throw Self.invalid("\(method) takes no body") }
    if let text = value.stringValue {
      body = Array(text.utf8)
    } else {
      body = value.encoded()
      if self.value(of: "content-type") == nil { headers.append(("Content-Type", "application/json")) }
    }
    guard (body?.count ?? 0) <= Self.maximumBodyBytes else {
      throw Self.invalid("`body` is longer than \(Self.maximumBodyBytes) bytes")
    }
  }

  /// Framing and connection belong to the transport; `Host` would reach another site behind a permitted address; an
  /// encoded answer could not be shown.
  private static let refusedHeaders: Set<String> = [
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect", "te", "trailer", "upgrade",
    "http2-settings", "proxy-connection", "accept-encoding",
  ]

  private static func invalid(_ detail: String) -> ToolError { ToolError("tool_arguments_invalid", detail) }
}
