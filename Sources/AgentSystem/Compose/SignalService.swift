import AgentCore
import AgentObservability
import AgentRuntime
import Foundation
import ServiceLifecycle
import UnixSignals

/// The signals that the service group does not know: SIGHUP reopens `app.log` and reloads the configuration, a second
/// SIGTERM or SIGINT ends the grace of a stop. Stands first in the group, so that it is the last to be shut down and
/// hears them until the end.
struct SignalService: Service {
  let log: LogFile
  let journalLog: any ServiceLog
  let engine: Dispatcher
  let clock: any WallClock
  /// Those since the process began.
  let hangups: UnixSignalsSequence
  /// Puts the configuration's files in force anew; tells in the log how that went.
  let reload: @Sendable () async -> Void

  /// What the results of the steps that a second signal cut get until they are on disk.
  private static let lastWrites: Duration = .seconds(2)

  func run() async throws {
    let stops = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let loop = SignalLoop(
      onHangup: {
        log.reopen()
        journalLog.record(.info, "log", "app.log was opened anew", [:])
        await reload()
      },
      onSecondStop: {
        journalLog.record(.warning, "service", "told to stop a second time: steps in hand are cut", [:])
        engine.hurry()
        await endAtOnce()
      })
    try await loop.run(hangups: hangups.cancelOnGracefulShutdown(), stops: stops.cancelOnGracefulShutdown())
  }

  /// Ends the process when it has not ended by itself; what is on disk is whole at every instant.
  private func endAtOnce() async {
    guard (try? await clock.sleep(for: Self.lastWrites)) != nil else { return }  // Cancelled: all has ended.
    journalLog.record(.error, "service", "ended without the last results: the next start recovers", [:])
    _exit(ProcessExit.failed.rawValue)
  }
}
