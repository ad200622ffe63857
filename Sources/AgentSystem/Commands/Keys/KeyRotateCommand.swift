import AgentCore
import ArgumentParser

struct KeyRotateCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate", abstract: "Make a new key, and seal with it what older ones sealed.",
    discussion: """
      Goes on beside the service's work and says how far it is; an interrupt ends the watching alone, and a service that \
      is killed goes on with it at its next start. With --data the older values are sealed anew by the service's next start.

      With --master the master key is changed instead, to the one on standard input. Make it as a file first, for nothing \
      here keeps it:

        (umask 077; openssl rand -base64 32 > FILE)
        agent-system key rotate --master < FILE

      From then on both open everything, and once you have put FILE in the place of the old one, the next start lets go of \
      the old. Until then --master with another key takes the new one's place, and --master --cancel takes it all back.
      """)

  @Flag(help: "Change the master key to the one on standard input.")
  var master = false
  @Flag(help: "With --master: let go of a new master key that is not in place yet.")
  var cancel = false
  @Flag(help: "Do not wait until everything is sealed anew.")
  var detach = false
  @OptionGroup var stopped: StoppedOptions
  @OptionGroup var client: ClientOptions

  func validate() throws {
    if cancel, !master { throw ValidationError("--cancel goes with --master.") }
  }

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    if master { return try await changeMaster(session) }
    var json = try await session.keys(.rotate, stopped)
    let isFollowed = stopped.data == nil && !detach
    if isFollowed { json = try await follow(json, session) }
    if try !session.showJSON(json) { try session.console.showLine(KeyPage.rotated(json, isOver: isFollowed)) }
    return .done
  }

  private func changeMaster(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    if cancel {
      let json = try await session.keys(.cancelMaster, stopped)
      if try !session.showJSON(json) {
        try session.console.showLine("no new master key waits: the one in force alone opens the keys")
      }
      return .done
    }
    let key = try await session.secretLine("New master key (32 bytes in base64): ")
    let json = try await session.keys(.rotateMaster(key), stopped)
    if try !session.showJSON(json) {
      let place = json["master_key"]?["place"]?.stringValue ?? "unknown"
      try session.console.showLine(
        TerminalText.line(
          "the keys open under both master keys now: put the new one in the place of the old, \(place), then restart"
        ))
    }
    return .done
  }

  /// Short enough for eyes; a pass over a large journal takes minutes.
  private static let pollEvery: Duration = .milliseconds(500)

  /// Shows how far it is until it is done, or nothing goes on any more.
  private func follow(_ first: JSONValue, _ session: ClientSession) async throws(ClientError) -> JSONValue {
    var json = first
    var told = ""
    // The pass begins a moment after the answer.
    var quiet = 0
    while quiet < 2 {
      do { try await session.clock.sleep(for: Self.pollEvery) } catch { return json }
      json = try await session.keys(.show, stopped)
      guard let line = KeyPage.progressLine(json["sealing"]) else {
        quiet += 1
        continue
      }
      quiet = 0
      if line != told, !session.isJSON { session.console.warn(TerminalText.line(line)) }
      told = line
    }
    return json
  }
}

extension ClientSession {
  /// A secret that is typed, unseen, or piped in, without the line break at its end. Never longer than any of ours.
  func secretLine(_ prompt: String) async throws(ClientError) -> Secret {
    var text: String
    if console.isInputTerminal {
      console.warn(prompt)
      text = await (input.typedSecret ?? input.typedLine)() ?? ""
    } else {
      text = String(decoding: try input.standardInput(Self.maximumSecretBytes), as: UTF8.self)
    }
    while text.last?.isWhitespace == true { text.removeLast() }
    guard !text.isEmpty else { throw .usage("nothing was given on standard input") }
    return Secret(text)
  }

  static var maximumSecretBytes: Int { 4096 }
}
