import AgentCore
import AgentRuntime
import Hummingbird

/// The verbs on the keys: for administrators on the unix socket alone.
struct KeyRoutes: Sendable {
  let services: APIServices

  func show(_ call: APICall) async throws -> Response { .json(try await services.keys.show()) }

  /// 202: what is stored is sealed anew from now on, beside the service's work; `GET /api/keys` shows how far it is.
  func rotate(_ call: APICall) async throws -> Response {
    .json(try await services.keys.rotate(), status: .accepted)
  }

  /// `{"master_key":"base64"}`, or `{"cancel":true}`: the one that waits is let go of.
  func rotateMaster(_ call: APICall) async throws -> Response {
    guard let key = try Self.masterKey(call.body) else { return .json(try await services.keys.cancelMaster()) }
    return .json(try await services.keys.rotateMaster(key))
  }

  /// Nil: cancel. On its own: Swift 6.3's optimizer crashes on a function that reads this and awaits.
  private static func masterKey(_ body: JSONValue) throws(APIError) -> Secret? {
    var reader = FieldReader(body)
    let (key, cancel) = (reader.text("master_key"), reader.value("cancel"))
    reader.refuseUnknown()
    if let cancel, cancel != .bool(true) || key != nil { reader.refuse("cancel", "`true`, and then nothing beside it") }
    if key == nil, cancel == nil, reader.problems.isEmpty {
      reader.refuse("master_key", "is required: 32 bytes in base64")
    }
    guard reader.problems.isEmpty else { throw APIError("invalid_field", fields: reader.problems) }
    return key.map { Secret($0) }
  }

  /// `{"code":"XXXX-…"}`: this once.
  func newRecoveryCode(_ call: APICall) async throws -> Response {
    let code = try await services.keys.newRecoveryCode()
    return .json(["code": .string(code.reveal())], headers: [.cacheControl: "no-store"])
  }

  /// `{"code":"XXXX-…"}` or `{"master_key":"base64"}`
  func confirm(_ call: APICall) async throws -> Response {
    .json(try await services.keys.confirm(Self.proof(call.body)))
  }

  static func proof(_ body: JSONValue) throws(APIError) -> KeyProof {
    var reader = FieldReader(body)
    let (code, key) = (reader.text("code"), reader.text("master_key"))
    reader.refuseUnknown()
    let proof: KeyProof? =
      switch (code, key) {
      case (let code?, nil): .recoveryCode(Secret(code))
      case (nil, let key?): .masterKey(Secret(key))
      default: nil
      }
    if proof == nil, reader.problems.isEmpty { reader.refuse("code", "one of `code` and `master_key` is required") }
    guard let proof, reader.problems.isEmpty else { throw APIError("invalid_field", fields: reader.problems) }
    return proof
  }
}
