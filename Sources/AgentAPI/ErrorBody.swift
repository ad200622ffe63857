import AgentCore
import AgentRuntime
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// The one place that turns errors into answers: RFC 9457 problem details with the contract's codes.
///
/// `{"type","title","status","detail","code","request_id"}`, with `errors` `[{"pointer","detail"}]` for refused fields
/// and `offset` for a syntax error.
enum ErrorBody {
  /// Problems listed in one answer; a batch could have thousands.
  private static let maximumFields = 100

  static func response(for error: any Error, requestID: String, logger: Logger) -> Response {
    let error = known(error, requestID: requestID, logger: logger)
    let status = status(of: error.code)
    var members: [String: JSONValue] = [
      "type": .string("urn:agent-system:error:\(error.code)"), "title": .string(status.reasonPhrase),
      "status": JSONValue(status.code), "detail": .string(error.detail), "code": .string(error.code),
      "request_id": .string(requestID),
    ]
    if !error.fields.isEmpty {
      members["errors"] = .array(
        error.fields.prefix(maximumFields).map { ["pointer": .string($0.pointer), "detail": .string($0.detail)] })
    }
    members["offset"] = error.offset.map { .integer(Int64($0)) }
    var headers = error.headers
    headers[.contentType] = "application/problem+json"
    headers[.retryAfter] = retryAfterSeconds[error.code].map(String.init)
    return Response(
      status: status, headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: JSONValue.object(members).encoded())))
  }

  /// 500 for a code that the table lacks: nobody foresaw it.
  static func status(of code: String) -> HTTPResponse.Status { statuses[code] ?? .internalServerError }

  private static func known(_ error: any Error, requestID: String, logger: Logger) -> APIError {
    switch error {
    case let error as APIError: return error
    case let error as ServiceError: return APIError(error.code, error.detail, fields: error.fields)
    case let error as StoreError: return APIError(error.code.rawValue, error.detail)
    case let error as Failure: return APIError(error.code, error.detail)
    case let error as JSONSyntaxError:
      return APIError(error.code.rawValue, "\(error.detail) (at byte \(error.offset))", offset: error.offset)
    case is NIOTooManyBytesError: return APIError("body_too_large", "the body is larger than this path takes")
    case is CancellationError: return APIError("shutting_down", "the service is stopping, or the request was given up")
    default:
      // Nobody above knows it either, so it is told here, once.
      logger.error(
        "a request failed in a way nobody foresaw", metadata: ["request": "\(requestID)", "error": "\(error)"])
      return APIError("internal_error", "an error that was not foreseen; the log has more under this request_id")
    }
  }

  /// Seconds after which trying again makes sense: a commit takes milliseconds, a place in the queue a task's time.
  private static let retryAfterSeconds = [
    "queue_full": 5, "overloaded": 1, "io_busy": 1, "storage_busy": 5, "too_many_connections": 5, "shutting_down": 5,
    "not_ready": 1, "disk_full": 30, "storage_read_only": 30, "storage_io_error": 5,
  ]

  private static let statuses: [String: HTTPResponse.Status] = [
    // 400: not HTTP, or not JSON
    "invalid_json": .badRequest, "invalid_encoding": .badRequest, "duplicate_member": .badRequest,
    "json_too_deep": .badRequest, "bad_event_id": .badRequest, "invalid_path": .badRequest,
    "body_incomplete": .badRequest,
    // Who asks
    "unauthenticated": .unauthorized, "forbidden": .forbidden, "host_not_allowed": .misdirectedRequest,
    // What is asked for
    "not_found": .notFound, "file_not_found": .notFound, "method_not_allowed": .methodNotAllowed,
    "task_deleted": .gone,
    // In the wrong state
    "task_finished": .conflict, "task_not_finished": .conflict, "task_not_retryable": .conflict,
    "task_not_waiting": .conflict, "step_in_doubt": .conflict, "step_not_in_doubt": .conflict,
    "idempotency_in_flight": .conflict, "workspace_exists": .conflict, "file_changed": .conflict,
    "no_key": .conflict, "keys_busy": .conflict, "master_rotation_pending": .conflict,
    // The file system's rights, not the caller's: who asks may, the service's user may not.
    "permission_denied": .conflict, "folder_not_writable": .conflict,
    // Size and type
    "body_too_large": .contentTooLarge, "batch_too_large": .contentTooLarge,
    "unsupported_media_type": .unsupportedMediaType, "request_timeout": .requestTimeout,
    // 422: JSON, or a query, that breaks a rule
    "recovery_code_invalid": .unprocessableContent, "master_key_invalid": .unprocessableContent,
    "invalid_field": .unprocessableContent, "invalid_parameter": .unprocessableContent,
    "reserved_member": .unprocessableContent,
    "agent_unknown": .unprocessableContent, "provider_unknown": .unprocessableContent, "config_invalid": .conflict,
    "reload_refused": .conflict, "reload_needed": .conflict, "idempotency_mismatch": .unprocessableContent,
    "folder_not_allowed": .unprocessableContent, "path_outside_workspace": .unprocessableContent,
    "not_regular_file": .unprocessableContent, "not_a_folder": .unprocessableContent,
    "name_invalid": .unprocessableContent, "file_too_large": .unprocessableContent,
    "files_too_large": .unprocessableContent, "path_duplicate": .unprocessableContent,
    "workspace_full": .unprocessableContent, "file_not_text": .unprocessableContent,
    // Not now
    "queue_full": .tooManyRequests, "overloaded": .serviceUnavailable, "io_busy": .serviceUnavailable,
    "too_many_connections": .serviceUnavailable, "not_ready": .serviceUnavailable,
    "shutting_down": .serviceUnavailable, "cancelled": .serviceUnavailable,
    // Storage
    "keys_unusable": .serviceUnavailable, "key_ring_invalid": .serviceUnavailable,
    "sealed_value_invalid": .serviceUnavailable, "key_unknown": .serviceUnavailable,
    "sealed_format_unknown": .serviceUnavailable, "key_exhausted": .serviceUnavailable,
    "sealing_unavailable": .serviceUnavailable,
    "disk_full": .insufficientStorage, "storage_read_only": .serviceUnavailable,
    "storage_io_error": .serviceUnavailable, "storage_busy": .serviceUnavailable,
    "database_corrupt": .serviceUnavailable, "io_error": .serviceUnavailable,
    "openat2_unavailable": .serviceUnavailable,
  ]
}

extension HTTPResponse.Status {
  /// 507 (RFC 4918, section 11.5), which the library does not name.
  fileprivate static let insufficientStorage = HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage")
}
