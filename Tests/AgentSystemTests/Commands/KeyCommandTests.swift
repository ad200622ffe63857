import AgentCore
import AgentPersistence
import Glibc
import Synchronization
import Testing
import Vault

@testable import AgentSystem

@Suite("agent-system key")
struct KeyCommandTests {
  @Test("what says where the keys of a stopped service are goes with --data")
  func options() throws {
    for option in ["--config", "--master-key-file"] {
      #expect(throws: (any Error).self) { try KeyShowCommand.parse([option, "/srv/other"]) }
      #expect(throws: Never.self) { try KeyShowCommand.parse([option, "/srv/other", "--data", "/srv/agent"]) }
    }
  }

  static let refusals: [(error: any Error, expected: ClientError)] = [
    (ClientError.usage("no"), .usage("no")),
    (
      StoreStartError(.dataFolderPermissions, "This process cannot become user 7."),
      .refused("data_folder_permissions", "This process cannot become user 7.")
    ),
    (VaultError.recoveryCodeInvalid("mistyped"), .refused("recovery_code_invalid", "mistyped.")),
    (StoreError(.diskFull, "The disk is full."), .refused("disk_full", "The disk is full.")),
    (CancellationError(), .refused("failed", "CancellationError()")),
  ]

  @Test("whatever refuses a verb here is told by its own code and in its own words", arguments: refusals.indices)
  func refusal(index: Int) {
    let (error, expected) = Self.refusals[index]
    #expect(ClientError(refusing: error) == expected)
  }

  @Test("of what would be logged, a verb tells what will hurt and what is to be acted on")
  func warnings() {
    let said = Mutex<[String]>([])
    let log = WarningLog { line in said.withLock { $0.append(line) } }
    for level in [LogLevel.debug, .info, .warning, .error] {
      log.record(level, "keys", "\(level)", ["fingerprint": "0011"])
    }
    #expect(said.withLock { $0 } == ["warning", "error"])
  }

  @Test("a signal's handler, and the terminal, are as they were once a secret was typed")
  func handlers() async throws {
    let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    try #require(terminal >= 0)
    defer { close(terminal) }
    func isEchoing() -> Bool {
      var settings = termios()
      return tcgetattr(terminal, &settings) == 0 && settings.c_lflag & tcflag_t(ECHO) != 0
    }
    let handler: @convention(c) (Int32) -> Void = { _ in }
    let before = signal(SIGUSR2, handler)
    let typed = await SilentTyping.during([SIGUSR2], on: terminal) { "typed" }
    let after: __sighandler_t? = signal(SIGUSR2, before)
    #expect(typed == "typed" && isEchoing())
    #expect(unsafeBitCast(after, to: Int.self) == unsafeBitCast(handler, to: Int.self))
  }
}
