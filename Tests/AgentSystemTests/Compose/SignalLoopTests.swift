import Synchronization
import Testing

@testable import AgentSystem

@Suite("Signals") struct SignalLoopTests {
  @Test("a reload that hangs keeps no second stop from being heard", .timeLimit(.minutes(1)))
  func hanging() async throws {
    let (hangups, hangup) = AsyncStream<Int32>.makeStream()
    let (stops, stop) = AsyncStream<Int32>.makeStream()
    let (begun, begin) = AsyncStream<Void>.makeStream()
    let (never, keepOpen) = AsyncStream<Void>.makeStream()
    let heard = Mutex(false)
    let loop = SignalLoop(
      onHangup: {
        begin.yield()
        for await _ in never {}
      },
      onSecondStop: {
        heard.withLock { $0 = true }
        stop.finish()
      })
    hangup.yield(1)
    async let end: Void = loop.run(hangups: hangups, stops: stops)
    for await _ in begun { break }
    stop.yield(15)
    #expect(!heard.withLock { $0 })
    stop.yield(15)
    try await end
    #expect(heard.withLock { $0 })
    keepOpen.finish()
  }

  @Test("each hangup is acted on in turn, those from before the loop too; the first stop ends nothing")
  func inTurn() async throws {
    let (hangups, hangup) = AsyncStream<Int32>.makeStream()
    let (stops, stop) = AsyncStream<Int32>.makeStream()
    let count = Mutex((open: 0, done: 0))
    let loop = SignalLoop(
      onHangup: {
        let open = count.withLock { count in
          count.open += 1
          return count.open
        }
        #expect(open == 1)
        await Task.yield()
        let done = count.withLock { count in
          count.open -= 1
          count.done += 1
          return count.done
        }
        if done == 3 { stop.finish() }
      }, onSecondStop: { Issue.record("there was one stop") })
    stop.yield(15)
    for _ in 0..<3 { hangup.yield(1) }
    try await loop.run(hangups: hangups, stops: stops)
    #expect(count.withLock { $0.done } == 3)
  }
}
