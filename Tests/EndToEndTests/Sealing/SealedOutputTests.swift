import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Words that would steer a terminal, beside a sealed value.
@Suite(.timeLimit(.minutes(2))) struct SealedOutputTests {
  private static let secret = "kX9-long-lived-0123456789"
  /// Sets a title, clears the screen, colours by one C1 byte, turns the order of writing.
  private static let steering = "\u{1B}]0;owned\u{07}\u{1B}[2J\u{9B}31m\u{202E}\u{2028}"

  private static func shown(_ service: ServiceProcess, _ command: [String]) async throws -> String {
    let run = try await PseudoTerminal.run(command, of: service, environment: ["NO_COLOR": "1"])
    #expect(run.status == 0, "\(command): \(run)")
    return run.output
  }

  private static func service(_ server: LoopbackServer) async throws -> ServiceProcess {
    let call: JSONValue = [
      "method": "GET", "url": .string(server.url("/")), "headers": ["Authorization": "Bearer {{input.token}}"],
    ]
    var files = ServiceProcess.scripted(
      [
        ServiceProcess.calling(
          "go",
          [
            ("http.request", call), ("file.write", ["path": .string("a\(steering)/\(secret)"), "text": "t"]),
            ("file.edit", ["path": .string(steering + secret), "old": "a", "new": "b"]),
          ]),
        ["reply": ["text": .string("It said \(steering) and \(secret).\nNo more.")]],
      ],
      agents: [
        "caller": [
          "instructions": "Do what the script says.", "tools": ["http.request", "file.write", "file.edit"],
          "allow_hosts": [.string("127.0.0.1:\(server.port)")],
        ]
      ])
    // YAML takes none of them raw.
    files["script.yaml"] = files["script.yaml"].map { text in
      text.unicodeScalars.map { $0.isASCII ? String($0) : String(format: "\\u%04x", $0.value) }.joined()
    }
    files["server.yaml"] = "log: {level: trace}\n"
    return try await ServiceProcess.serve(in: TemporaryFolder(), files: files)
  }

  @Test(
    "escapes beside a sealed value reach no log and no terminal, and nobody sees the value",
    .shows(.sealedOutput, "escapes"))
  func escapes() async throws {
    let server = try LoopbackServer { request in
      answer(body: "you are \(request.headers["authorization"] ?? "") \(Self.steering)")
    }
    defer { server.stop() }
    let service = try await Self.service(server)
    let id = try await service.create(
      ["agent": "caller", "input": ["prompt": "go", "token": .string(Self.secret)], "max_attempts": 1])
    #expect(try await service.ended(id)["status"] == "completed")
    #expect(server.requests.first?.headers["authorization"] == "Bearer " + Self.secret)
    let steps = try await service.steps(id)
    let said = try JSONValue(
      parsing: steps.compactMap { $0["output"]?["text"]?.stringValue }.first { $0.contains("you are") } ?? "")
    #expect(said["body"]?.stringValue == "you are [sealed] \(Self.steering)", "\(said.text)")

    for command in [
      ["task", "logs", id], ["task", "steps", id], ["task", "show", id], ["task", "events", id], ["task", "list"],
      ["task", "show", id, "--json"], ["task", "steps", id, "--json"], ["task", "logs", id, "--json"],
    ] {
      let shown = try await Self.shown(service, command)
      #expect(Self.raw(in: shown.replacing("\r\n", with: "\n")).isEmpty, "\(command): \(shown.debugDescription)")
      #expect(!shown.contains(Self.secret), "\(command)")
    }
    let story = try await Self.shown(service, ["task", "logs", id])
    #expect(story.contains(#"It said \u{1B}]0;owned\u{07}\u{1B}[2J\u{9B}31m\u{202E}"#), "\(story.debugDescription)")
    #expect(story.contains("[sealed]."), "\(story.debugDescription)")

    let log = try String(contentsOfFile: service.folder.appending("log/app.log"), encoding: .utf8)
    #expect(log.contains(id) && Self.raw(in: log).isEmpty && !log.contains(Self.secret))
    #expect(Self.raw(in: service.standardError).isEmpty && !service.standardError.contains(Self.secret))
  }

  /// Scalars that a terminal would follow.
  private static func raw(in text: String) -> [Unicode.Scalar] {
    text.unicodeScalars.filter { scalar in
      switch scalar.value {
      case 0x0A, 0x09: false
      case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: true
      default: false
      }
    }
  }
}
