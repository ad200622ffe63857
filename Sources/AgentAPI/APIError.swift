import AgentRuntime
import HTTPTypes

/// Why a request was refused before, or beside, the services: a code of the contract and what the answer carries.
struct APIError: Error, Sendable, Hashable {
  var code: String
  var detail: String
  var fields: [ServiceError.Field]
  /// Byte offset of a syntax error in the body.
  var offset: Int?
  /// Added to the answer: `Allow`, `WWW-Authenticate`.
  var headers: HTTPFields

  init(
    _ code: String, _ detail: String, fields: [ServiceError.Field] = [], offset: Int? = nil, headers: HTTPFields = [:]
  ) {
    (self.code, self.detail, self.fields, self.offset, self.headers) = (code, detail, fields, offset, headers)
  }

  /// Several problems of one kind: `invalid_field` of a body, `invalid_parameter` of a query.
  init(_ code: String, fields: [ServiceError.Field]) {
    self.init(code, fields.map { "\($0.pointer): \($0.detail)" }.joined(separator: "; "), fields: fields)
  }

  static let notFound = APIError("not_found", "there is nothing at this path")
}
