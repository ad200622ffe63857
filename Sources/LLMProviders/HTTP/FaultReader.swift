import AgentCore
import HTTPTransport

/// What a provider's refusals and failures mean to us, by status, or by the type or code of an error object.
struct FaultReader: Sendable {
  let redaction: Redaction

  /// Of an answer whose status is not 200. `body` is its beginning.
  func error(_ head: HTTPExchange.Head, body: [UInt8], now: Timestamp) -> ProviderError {
    let status = head.status
    // Of a page or a broken text the status says enough.
    let told = ToldError((try? JSONValue(stored: body)) ?? .null)
    let code = Self.code(ofStatus: status, told)
    // An authentication error may quote a part of the key.
    let words = code == .keyInvalid ? "" : redaction.shown(told.message)
    let sentence = "the provider answered \(status)" + (words.isEmpty ? Self.hint(code, status) : ": \(words)")
    return ProviderError(
      code, sentence, status: status, retryAfter: RetryAfter.duration(in: head, now: now), wasSent: true)
  }

  /// The error that an object of a 200 answer holds; nil when it holds none. Of a stream some reply was made and paid,
  /// so it has no status; a whole body with nothing but an error counts like one of that status.
  func error(in object: JSONValue, isErrorEvent: Bool = false, isStream: Bool) -> ProviderError? {
    let isError =
      isErrorEvent || object.present("error") != nil
      || object["object"]?.stringValue == "error" || object["type"]?.stringValue == "error"
    guard isError else { return nil }
    let told = ToldError(object)
    let code = told.status.map { Self.code(ofStatus: $0, told) } ?? Self.code(ofWords: told)
    let words = code == .keyInvalid ? "" : redaction.shown(told.message)
    return ProviderError(
      code, "the provider's answer holds an error" + (words.isEmpty ? "" : ": \(words)"), status: isStream ? nil : 200,
      wasSent: true)
  }

  private static func hint(_ code: ProviderError.Code, _ status: Int) -> String {
    switch code {
    case .keyInvalid: ": it does not take the key"
    case .providerRedirect: ", a redirect, which is not followed: check base_url"
    case .providerRejected where status == 404: ": check base_url"
    case .providerRejected where status == 407: ": the proxy lets nobody in without the right user name and password"
    default: ""
    }
  }

  private static func code(ofStatus status: Int, _ told: ToldError) -> ProviderError.Code {
    switch status {
    case 300..<400: .providerRedirect
    case 401, 403: .keyInvalid
    case 408, 409: .providerError
    case 413: .contextTooLong
    case 404: told.isOfModel || (told.isKnown && !told.isOfPath) ? .modelUnknown : .providerRejected
    case 429: .rateLimited
    case 400..<500:
      told.isOfContext
        ? .contextTooLong : told.isOfFilter ? .refused : told.isUnknownModel ? .modelUnknown : .providerRejected
    case 500..<600: told.codes.contains("exceed_context_size_error") ? .contextTooLong : .providerError
    default: .providerMalformed
    }
  }

  private static func code(ofWords told: ToldError) -> ProviderError.Code {
    if told.isOfContext { return .contextTooLong }
    if told.isOfFilter { return .refused }
    if told.isUnknownModel { return .modelUnknown }
    for code in told.codes { if let known = knownCodes[code] { return known } }
    return .providerError
  }

  private static let knownCodes: [String: ProviderError.Code] = [
    "authentication_error": .keyInvalid, "invalid_api_key": .keyInvalid, "permission_error": .keyInvalid,
    "permission_denied": .keyInvalid, "unauthorized": .keyInvalid, "account_deactivated": .keyInvalid,
    "rate_limit_error": .rateLimited, "rate_limit_exceeded": .rateLimited, "rate_limited": .rateLimited,
    "too_many_requests": .rateLimited, "insufficient_quota": .rateLimited, "requests": .rateLimited,
    "tokens": .rateLimited, "not_found_error": .modelUnknown, "notfounderror": .modelUnknown,
    "invalid_request_error": .providerRejected, "badrequesterror": .providerRejected,
    "billing_error": .providerRejected, "not_supported_error": .providerRejected,
    "request_too_large": .contextTooLong,
  ]
}

/// An error object of a provider, whichever of the known shapes it has: `{"error":{"message","type","code"}}`,
/// `{"error":"…"}`, `{"type":"error","error":{…}}`, `{"object":"error","message",…}`, `{"detail":"…"}`.
private struct ToldError {
  let message: String
  /// Code and type, in lower case, the more telling one first.
  let codes: [String]
  /// A code that is an HTTP status, as llama.cpp sends it.
  let status: Int?
  /// It is a JSON object.
  let isKnown: Bool

  init(_ body: JSONValue) {
    let inner = body.present("error")
    let object = inner?.objectValue == nil ? body : inner ?? body
    // The last is FastAPI's list of what is wrong with the members.
    let places = [
      object["message"], inner, object["detail"], object["msg"], object["detail"]?.arrayValue?.first?["msg"],
    ]
    message = places.lazy.compactMap { $0?.stringValue }.first ?? ""
    let code = object["code"] ?? object["status"]
    let number = code?.integerValue ?? code?.stringValue.flatMap { Int64($0) }
    status = number.flatMap { (400..<600).contains($0) ? Int($0) : nil }
    codes = [code?.stringValue, object["type"]?.stringValue].compactMap { $0?.lowercased() }
    isKnown = body.objectValue != nil
  }

  private func says(_ phrases: String...) -> Bool {
    let words = message.lowercased()
    return phrases.contains { words.contains($0) }
  }

  var isOfContext: Bool {
    codes.contains { ["context_length_exceeded", "exceed_context_size_error", "request_too_large"].contains($0) }
      || says(
        "prompt is too long", "maximum context length", "context length exceeded", "context window",
        "exceeds the available context size", "exceed context limit", "too many tokens", "input is too long",
        "reduce the length of the messages")
  }

  var isOfFilter: Bool {
    codes.contains { ["content_filter", "content_policy_violation", "responsibleaipolicyviolation"].contains($0) }
  }

  var isOfModel: Bool { isUnknownModel || says("model") }

  var isUnknownModel: Bool {
    codes.contains { ["model_not_found", "invalid_model", "unknown_model", "model_not_available"].contains($0) }
      || says("invalid model", "unknown model", "model not found", "model_not_found")
      || (says("model") && says("does not exist", "not found"))
  }

  /// Nothing is served at that path: `base_url` is wrong.
  var isOfPath: Bool {
    says("file not found", "invalid url", "unknown request url", "no route", "cannot post")
      || message.lowercased() == "not found"
  }
}
