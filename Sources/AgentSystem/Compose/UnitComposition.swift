import AgentCore
import AgentPersistence
import AgentRuntime
import HTTPTransport
import ServiceLifecycle

/// Joins the service manager's watchdog to what it is to watch.
struct UnitComposition {
  let link: UnitLink
  let store: any TaskStore
  let file: StoreFile
  let engine: Dispatcher
  let listeners: BoundListeners
  let clock: any WallClock
  let log: any ServiceLog

  /// The first and the last service of the group, and what to wake when every address takes connections.
  func services() throws(TransportError) -> (first: UnitService, last: StopNotice, listening: Wakeup) {
    let (listening, engine, file) = (Wakeup(), engine, file)
    // Without a manager nothing is asked, and no thread for the asking is needed.
    let parts = link.address == nil ? [] : [writer, dispatcher, http(try CurlTransport())]
    let probe = LivenessProbe(parts: parts, clock: clock)
    let first = UnitService(
      link: link, probe: probe, clock: clock, log: log, bound: listening,
      status: {
        let trouble = file.condition.map { "; the store refuses: \($0.code.rawValue)" } ?? ""
        return "serving, \(engine.runningCount) tasks run\(trouble)"
      })
    return (first, StopNotice(link: link, probe: probe), listening)
  }

  /// A write that is on the disk. A full, read-only or failing disk is told as an error, and that is an answer: a
  /// restart would mend nothing. So is any other commit meanwhile: a long line of writes on a slow disk is no hang.
  private var writer: LivenessProbe.Part {
    let (store, file) = (store, file)
    return LivenessProbe.Part(
      name: "writer",
      ask: {
        // See above for what an error means.
        _ = try? await store.probe()
        return true
      }, progress: { file.commitNumber })
  }

  private var dispatcher: LivenessProbe.Part {
    let engine = engine
    return LivenessProbe.Part(
      name: "dispatcher",
      ask: {
        await engine.turn()
        return true
      })
  }

  /// An answer to a client of ours, over the socket or else loopback. Its connection stays open: while all others that
  /// may be open are taken, the service is busy and does not hang.
  private func http(_ transport: CurlTransport) -> LivenessProbe.Part {
    let listeners = listeners
    return LivenessProbe.Part(
      name: "http",
      ask: {
        guard let address = listeners.ownAddress else { return false }
        let request = HTTPExchange.Request(
          url: address.url(of: "/livez"), timeouts: Self.timeouts, unixSocketPath: address.socketPath)
        // What came instead of an answer does not matter.
        return (try? await transport.send(request)) != nil
      })
  }

  /// On one machine an answer takes a millisecond; what takes longer than this is asked again.
  private static let timeouts = HTTPExchange.Timeouts(
    connect: .seconds(5), firstByte: .seconds(5), idle: .seconds(5), total: .seconds(5))
}
