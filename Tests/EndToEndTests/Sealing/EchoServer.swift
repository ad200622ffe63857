import AgentTestKit
import Foundation

/// A server that gives secrets away, its callers' and its own.
struct EchoServer {
  let server: LoopbackServer

  /// `meanwhile` is called while a caller waits.
  init(_ secrets: PlantedSecrets, meanwhile: @escaping @Sendable () -> Void) throws {
    server = try LoopbackServer { request in
      meanwhile()
      return Self.answer(request, secrets)
    }
  }

  private static func answer(_ request: LoopbackRequest, _ secrets: PlantedSecrets) -> String {
    let path = request.target.prefix { $0 != "?" }
    let authorization = request.headers["authorization"] ?? ""
    switch path {
    case "/give":
      let inner = #"{\"token\":\"\#(secrets["json in json"].text)\"}"#
      return AgentTestKit.answer(
        headers: ["Set-Cookie: sid=\(secrets["set-cookie"].text); Path=/; HttpOnly", "Content-Type: application/json"],
        body: """
          {"token":"\(secrets["result member"].text)","list":[{"API-key":["\(secrets["result list"].text)"]}],
          "text":"again \(secrets["result member"].text)","inner":"\(inner)","set":"\(secrets["set-cookie"].text)"}
          """)
    case "/lines":
      let lines = ["first", "second"].map { #"{"n":"\#($0)","password":"\#(secrets["json lines"].text)-\#($0)"}"# }
      let twice = #"{"token":"x","token":"\#(secrets["twice"].text)"}"#
      return AgentTestKit.answer(
        body: lines.joined(separator: "\n") + "\n\(twice)\n" + #"{"a":1,"password":"\#(secrets["cut json"].text)"#)
    case "/move":
      return AgentTestKit.answer(302, headers: ["Location: /landed?\(request.target.drop { $0 != "?" }.dropFirst())"])
    case "/fail": return AgentTestKit.answer(500, body: "no such key: \(authorization) \(request.target)")
    default:
      let secret = String(authorization.split(separator: " ").last ?? "")
      let escaped = request.body.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      return AgentTestKit.answer(
        headers: ["X-Seen: \(secret)", "Content-Type: text/plain"],
        body: """
          \(request.method) \(request.target) \(authorization) \(request.headers["cookie"] ?? "")
          body \(request.body)
          as JSON "\(escaped)"
          base64 \(Data("u:\(secret)!".utf8).base64EncodedString()) \(Data(request.body.utf8).base64EncodedString())
          percent \(secret.utf8.map { String(format: "%%%02X", $0) }.joined())
          hex \(secret.utf8.map { String(format: "%02x", $0) }.joined())
          """)
    }
  }
}
