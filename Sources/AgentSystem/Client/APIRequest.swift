import AgentCore

/// One request to the server's API.
struct APIRequest: Sendable {
  enum Method: String, Sendable {
    case get = "GET"
    case post = "POST"
    case delete = "DELETE"
  }
  var method: Method
  /// Percent-encoded, from the root: `/api/tasks/task-1`.
  var path: String
  /// In clear; encoded when sent. A name may stand more than once.
  var query: [(name: String, value: String)]
  var body: JSONValue?
  var headers: [(String, String)]

  init(
    _ method: Method, _ path: String, query: [(name: String, value: String)] = [], body: JSONValue? = nil,
    headers: [(String, String)] = []
  ) {
    (self.method, self.path, self.query, self.body, self.headers) = (method, path, query, body, headers)
  }

  /// Path and query as they stand on the request line.
  var target: String {
    guard !query.isEmpty else { return path }
    return path + "?" + query.map { Self.encoded($0.name) + "=" + Self.encoded($0.value) }.joined(separator: "&")
  }

  /// One path segment or query part, with all but RFC 3986's unreserved characters percent-encoded.
  static func encoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return result
  }

  /// A path below a route: each segment encoded, the slashes kept.
  static func encodedPath(_ path: String) -> String {
    path.split(separator: "/", omittingEmptySubsequences: false).map { encoded(String($0)) }.joined(separator: "/")
  }
}

/// An answer of the API that is no error.
struct APIAnswer: Sendable {
  var status: Int
  /// Null where the answer has no body.
  var json: JSONValue
}
