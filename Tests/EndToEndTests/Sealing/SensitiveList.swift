import AgentCore
import AgentTestKit
import Testing

/// The list of sensitive fields of a service.
extension ServiceProcess {
  /// An `encryption.yaml` with these names.
  static func encryption(_ names: String...) -> String {
    "encryption: {sensitive_fields: [\(names.joined(separator: ", "))]}\n"
  }

  /// The manual's list, and one name more.
  static func standardEncryption(and name: String) -> String { encryption("api_key", "password", "token", name) }

  /// Brings the manual's list and one name more into force, while the service runs.
  func lengthenList(by name: String) async throws {
    try writeConfiguration("encryption.yaml", Self.standardEncryption(and: name))
    #expect(try await send("POST", "/api/config/reload").status == 200)
  }

  /// Returns once a pass over the rows has ended.
  func sealed() async throws {
    try await logged("sealing_finished")
    let isOver = try await asking("GET", "/api/keys") { $0.json["sealing"]?["running"] == false }
    #expect(isOver.json["sealing"]?["running"] == false)
  }
}
