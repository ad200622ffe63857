import AgentCore
import ArgumentParser
import HTTPTransport

struct TaskFilesCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "files", abstract: "List a task's files, print one, or take all as a tar archive.")

  @OptionGroup var task: TaskArgument
  @Argument(help: "A file's path in the task's workspace; without it the files are listed.")
  var path: String?
  @Flag(help: "Write a tar archive of all files to standard output.")
  var tar = false
  @OptionGroup var client: ClientOptions

  /// A file from a healthy server never pauses for so long.
  private static let silence: Duration = .seconds(60)
  /// What is held to find out whether a file can be shown on a terminal.
  private static let maximumShownBytes = 16 * 1024 * 1024

  func validate() throws {
    if tar, path != nil { throw ValidationError("--tar takes all files: name none.") }
    if client.json, tar || path != nil {
      throw ValidationError("A file's content is no JSON: --json lists files only.")
    }
  }

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    if tar {
      guard !session.console.isTerminal else { throw .usage("an archive is not for a terminal: use > FILE or a pipe") }
      try await copy("/files.tar", accept: "application/x-tar", session)
    } else if let path {
      let route = "/files/" + APIRequest.encodedPath(path)
      if session.console.isTerminal {
        try await show(route, session)
      } else {
        try await copy(route, accept: "*/*", session)
      }
    } else {
      try await list(session)
    }
    return .done
  }

  private func list(_ session: ClientSession) async throws(ClientError) {
    let json = try await session.api.call(APIRequest(.get, task.path + "/files")).json
    if try session.showJSON(json) { return }
    var table = TextTable(["SIZE", "PATH"], numeric: [0])
    for file in json["data"]?.arrayValue ?? [] {
      let size = file["size"]?.integerValue.map(Quantity.bytes) ?? ""
      table.add([.init(size), .init(file["path"]?.stringValue ?? "")])
    }
    if !table.isEmpty { try session.console.show(table.text(session.console.paint, limit: session.console.lineLimit)) }
    if json["truncated"]?.boolValue == true {
      session.console.warn(
        "there are more: the server lists 10,000 files, 64 folders deep, in folders that it may read")
    }
  }

  /// Bytes as they are. A body that ends early is an error: half a file must not look whole.
  private func copy(_ route: String, accept: String, _ session: ClientSession) async throws(ClientError) {
    try await read(route, accept, session) { (bytes) throws(ClientError) in try session.console.show(bytes: bytes) }
  }

  private func show(_ route: String, _ session: ClientSession) async throws(ClientError) {
    var content: [UInt8] = []
    try await read(route, "*/*", session) { (bytes) throws(ClientError) in
      content.append(contentsOf: bytes)
      guard content.count <= Self.maximumShownBytes else {
        throw .usage("the file is too long for a terminal: use > FILE or a pipe")
      }
    }
    guard let text = String(validating: content, as: UTF8.self) else {
      throw .usage("the file is not text: use > FILE or a pipe")
    }
    try session.console.show(TerminalText.block(text))
    if !text.isEmpty, !text.hasSuffix("\n") { try session.console.show("\n") }
  }

  private func read(
    _ route: String, _ accept: String, _ session: ClientSession, _ handle: ([UInt8]) throws(ClientError) -> Void
  ) async throws(ClientError) {
    let response = try await session.api.stream(
      APIRequest(.get, task.path + route), accept: accept, idle: Self.silence)
    var pieces = response.body.makeAsyncIterator()
    while true {
      let bytes: [UInt8]
      do throws(TransportError) {
        guard let next = try await pieces.next() else { return }
        bytes = next
      } catch {
        throw session.api.failure(error)
      }
      try handle(bytes)
    }
  }
}
