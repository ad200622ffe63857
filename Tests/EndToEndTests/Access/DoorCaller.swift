import AgentTestKit
import Foundation
import Testing

/// One who asks the running binary: over loopback TCP with these headers, or over the unix socket as that user.
struct DoorCaller: Sendable {
  /// For `setpriv`, run by root.
  struct Identity: Sendable {
    var uid: UInt32
    var gid: UInt32
    /// Supplementary ones.
    var groups: [UInt32] = []

    var arguments: [String] {
      let list = groups.map(String.init).joined(separator: ",")
      return ["--reuid=\(uid)", "--regid=\(gid)", groups.isEmpty ? "--clear-groups" : "--groups=\(list)"]
    }
  }

  var name: String
  var headers: [String] = []
  /// Lines of curl's configuration besides.
  var options: [String] = []
  /// Over the unix socket.
  var isOnSocket = false
  /// Nil: as the test itself, which is root.
  var identity: Identity?

  /// The status of each route's answer, in the order of the lines; 0 where there was no connection. Every request has a
  /// query parameter that no route knows: whom the door lets pass gets 422 for it, and nothing is done.
  func statuses(_ service: ServiceProcess, _ lines: [DoorTable.Line] = DoorTable.lines) async throws -> [Int] {
    let base = isOnSocket ? "http://localhost" : try await service.address()
    let parts = lines.map { line in
      var part = [
        "url = \"\(base)\(line.target)?colour=blue\"", "request = \"\(line.method)\"", "output = \"/dev/null\"",
        "silent",
        "write-out = \"%{http_code}\\n\"",
      ]
      part += headers.map { "header = \"\($0)\"" } + options
      if isOnSocket { part.append("unix-socket = \"\(service.socket)\"") }
      return part.joined(separator: "\n")
    }
    let command = identity.map { ["/usr/bin/setpriv"] + $0.arguments + ["/usr/bin/curl"] } ?? ["/usr/bin/curl"]
    let run = try await ShellRun.run(
      command[0], command.dropFirst() + ["--config", "-"], input: parts.joined(separator: "\nnext\n") + "\n")
    let statuses = run.output.split(separator: "\n").compactMap { Int($0) }
    try #require(statuses.count == lines.count, "\(name): \(run.output) \(run.errors)")
    return statuses
  }

  /// Asks every route, and expects what the rule says of each.
  func expect(
    _ service: ServiceProcess, location: SourceLocation = #_sourceLocation, _ rule: (DoorTable.Access) -> Int
  ) async throws {
    let statuses = try await statuses(service)
    for (line, status) in zip(DoorTable.lines, statuses) {
      #expect(status == rule(line.access), "\(name), \(line): \(status)", sourceLocation: location)
    }
  }
}
