import AgentCore
import AgentPersistence
import AgentRuntime
import ServiceLifecycle

/// Keeps the keys while the service lives: seals anew what is to be, and makes a new key when the one in use has reached
/// its limits.
struct KeyService: Service {
  let desk: KeyDesk
  /// Brings the rows to what the list and the key in use want (`SealingPass.run`). May rest for as long as storage refuses.
  let sealAnew: @Sendable () async -> Void
  /// Woken when there may be something to seal anew: a rotation, a longer list.
  let wakeup: Wakeup
  let clock: any WallClock
  let log: any ServiceLog

  /// A key's limits are months and hundreds of millions of values away.
  static let checkEvery: Duration = .seconds(3600)

  func run() async {
    await cancelWhenGracefulShutdown {
      // Before the first pass, which would else seal with a key that goes at once.
      await makeKeyIfDue()
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await keepSealed() }
        // Beside it: a pass that rests must not keep a key past its limits.
        group.addTask { await keepKey() }
      }
    }
  }

  private func keepSealed() async {
    while !Task.isCancelled {
      await sealAnew()
      await wakeup.wait(upTo: Self.checkEvery, clock: clock)
    }
  }

  private func keepKey() async {
    // The sleep ends early only where the caller is cancelled.
    while (try? await clock.sleep(for: Self.checkEvery)) != nil { await makeKeyIfDue() }
  }

  private func makeKeyIfDue() async {
    do throws(ServiceError) { try await desk.rotateIfDue() } catch {
      log.record(.error, "keys", "a new field key is due and could not be made: \(error.detail)", ["error": error.code])
    }
  }
}
