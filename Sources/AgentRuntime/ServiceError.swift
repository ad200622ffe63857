import AgentCore

/// Why a verb of the services was refused; the codes are the contract's, shown unchanged by HTTP and command line.
package struct ServiceError: Error, Sendable, Hashable {
  package struct Field: Sendable, Hashable {
    /// RFC 6901 pointer into the request: `/files/0/path`.
    package var pointer: String
    package var detail: String
    package init(_ pointer: String, _ detail: String) { (self.pointer, self.detail) = (pointer, detail) }

    /// A member's name as a part of a pointer (RFC 6901, section 3).
    package static func escaped(_ name: String) -> String {
      name.split(separator: "~", omittingEmptySubsequences: false).joined(separator: "~0")
        .split(separator: "/", omittingEmptySubsequences: false).joined(separator: "~1")
    }
  }
  package var code: String
  package var detail: String
  package var fields: [Field]
  package init(_ code: String, _ detail: String, fields: [Field] = []) {
    (self.code, self.detail, self.fields) = (code, detail, fields)
  }

  package init(_ error: StoreError) { self.init(error.code.rawValue, error.detail) }

  /// `invalid_field` with a pointer for each.
  package static func invalid(_ fields: [Field]) -> ServiceError {
    ServiceError("invalid_field", fields.map { "\($0.pointer): \($0.detail)" }.joined(separator: "; "), fields: fields)
  }

  package static func noTask(_ id: TaskID) -> ServiceError { ServiceError("not_found", "there is no \(id)") }
}
