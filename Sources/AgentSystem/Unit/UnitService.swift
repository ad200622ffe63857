import AgentCore
import ServiceLifecycle

/// Tells the manager that the service serves, once it really does, and then that it lives, as long as it does. Stands
/// before all that answers in the group, so that it is shut down after them.
struct UnitService: Service {
  let link: UnitLink
  let probe: LivenessProbe
  let clock: any WallClock
  let log: any ServiceLog
  /// Woken when every address takes connections.
  let bound: Wakeup
  /// For `systemctl status`.
  let status: @Sendable () -> String

  /// The probe's round may take so much of the watchdog's time before the log speaks of it.
  private static let patienceShare = 3
  /// Without a watchdog: how long the first round may take before the log speaks of it.
  private static let defaultPatience: Duration = .seconds(10)

  func run() async throws {
    guard link.address != nil else { return try await gracefulShutdown() }
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        group.addTask { await probe.run() }
        await lead()
        group.cancelAll()
      }
    }
  }

  private func lead() async {
    await bound.wait()
    guard await answers() else { return }
    let failure = link.serves(status())
    if failure != 0 {
      log.record(
        .error, "watchdog", "the service manager cannot be told that the service is ready", ["errno": "\(failure)"])
    }
    guard let limit = link.watchdog else { return await untilCancelled() }
    while true {
      let begun = clock.uptime()
      guard await answers() else { return }
      link.tell(.watchdog, .status(status()))
      let rest = limit / 2 - (clock.uptime() - begun)
      // Cancelled: the next round says so.
      if rest > .zero { try? await clock.sleep(for: rest) }
    }
  }

  /// Returns true when all parts have answered in one round, however long that takes; false when cancelled.
  private func answers() async -> Bool {
    let patience = link.watchdog.map { $0 / Self.patienceShare } ?? Self.defaultPatience
    var told: [String] = []
    while !_Concurrency.Task.isCancelled {
      let silent = await probe.round(limit: patience)
      if _Concurrency.Task.isCancelled { return false }
      if silent.isEmpty {
        if !told.isEmpty { log.record(.warning, "watchdog", "all parts answer again", [:]) }
        return true
      }
      if silent != told {
        let names = silent.joined(separator: ", ")
        let consequence =
          link.watchdog == nil ? "" : "; while it is silent the service manager is not told that we live"
        log.record(.error, "watchdog", "no answer from: \(names)\(consequence)", ["silent": names])
        link.tell(.status("no answer from: \(names)"))
        told = silent
      }
    }
    return false
  }

  private func untilCancelled() async {
    let never = Wakeup()
    await never.wait()
  }
}

/// Tells the manager at once that a stop has begun, whoever asked for it. Stands last in the group, so that it is the
/// first to be shut down.
struct StopNotice: Service {
  let link: UnitLink
  let probe: LivenessProbe

  func run() async throws {
    // Cancelled with the group: told too, for that is a stop.
    try? await gracefulShutdown()
    probe.finish()
    link.tell(.stopping, .status("stopping: steps in hand have 20 seconds"))
  }
}
