import AgentCore
import AgentPersistence

/// The engine's clock: UTC on the line of what is stored, which never falls. A wait that is reckoned from the machine's
/// own UTC would be over at once while that is behind.
struct StoreClock: WallClock {
  let file: StoreFile
  let machine: SystemClock

  func now() -> Timestamp { file.now() }
  func uptime() -> Duration { machine.uptime() }
  func sleep(for duration: Duration) async throws { try await machine.sleep(for: duration) }
}
