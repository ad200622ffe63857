import AgentCore
import AgentPersistence
import AgentRuntime
import ServiceLifecycle

/// Keeps the keys while the service lives: seals anew what is to be, and makes a new key when the one in use has reached
/// its limits.
struct KeyService: Service {
  let desk: KeyDesk
  let pass: SealingPass
  /// Woken when there may be something to seal anew: a rotation, a longer list.
  let wakeup: Wakeup
  let clock: any WallClock
  let log: any ServiceLog

  /// A key's limits are months and hundreds of millions of values away.
  static let checkEvery: Duration = .seconds(3600)

  func run() async {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await makeKeyIfDue()
        await pass.run()
        await wakeup.wait(upTo: Self.checkEvery, clock: clock)
      }
    }
  }

  private func makeKeyIfDue() async {
    do throws(ServiceError) { try await desk.rotateIfDue() } catch {
      log.record(.error, "keys", "a new field key is due and could not be made: \(error.detail)", ["error": error.code])
    }
  }
}
