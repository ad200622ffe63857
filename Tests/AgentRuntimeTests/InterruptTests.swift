import AgentCore
import AgentTestKit
import Testing

@testable import AgentRuntime

/// Wakeups, and how a worker is told to stop.
@Suite("Wakeups and interrupts", .timeLimit(.minutes(4))) struct InterruptTests {
  @Test("a wake before the wait is not lost, and wakes once")
  func wakeFirst() async {
    let (wakeup, clock) = (Wakeup(), ManualClock())
    wakeup.wake()
    wakeup.wake()
    await wakeup.wait()
    async let second: Void = wakeup.wait(upTo: .seconds(1), clock: clock)
    while clock.sleeperCount == 0, !Task.isCancelled { await Task.yield() }
    clock.advance(by: .seconds(1))
    await second
    #expect(clock.uptime() == .seconds(1))
  }

  @Test("a waiter goes when it is cancelled, and leaves the next wake to others")
  func cancelled() async {
    let wakeup = Wakeup()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await wakeup.wait() }
      group.cancelAll()
    }
    wakeup.wake()
    await wakeup.wait()
  }

  @Test("the stronger reason stands, whichever came first, and hard stays hard")
  func strongerReason() {
    let order: [InterruptReason] = [.shutdown, .agentRestart, .wallTime, .deadline, .cancel]
    for (index, weak) in order.enumerated() {
      for strong in order[index...] {
        for pair in [[weak, strong], [strong, weak]] {
          let interrupt = WorkInterrupt()
          for reason in pair { interrupt.request(reason) }
          #expect(interrupt.reason == strong && interrupt.hardReason == nil)
          interrupt.fire(weak)
          interrupt.request(strong)
          #expect(interrupt.hardReason == strong)
        }
      }
    }
    #expect(order.filter(\.isRequeue) == [.shutdown, .agentRestart])
  }

  @Test("an effect that comes to its own end was not cut")
  func ownEnd() async {
    let result = await withInterrupt(WorkInterrupt(), limit: .seconds(1), clock: ManualClock()) { 7 }
    #expect(result.value == 7 && result.cut == nil)
  }

  @Test("an effect is told to stop at its time, and its own answer still counts")
  func timeUp() async {
    let clock = ManualClock()
    async let result = withInterrupt(WorkInterrupt(), limit: .seconds(5), clock: clock) {
      await Wakeup().wait()
      return Task.isCancelled
    }
    while clock.sleeperCount == 0, !Task.isCancelled { await Task.yield() }
    clock.advance(by: .seconds(5))
    let ended = await result
    #expect(ended.value)
    guard case .timeout = ended.cut else {
      Issue.record("not cut by its time: \(String(describing: ended.cut))")
      return
    }
  }

  @Test("a hard interrupt stops an effect, a soft one lets it come to its end")
  func interrupts() async {
    let (interrupt, begun) = (WorkInterrupt(), Wakeup())
    async let result = withInterrupt(interrupt, limit: .seconds(5), clock: ManualClock()) {
      begun.wake()
      await Wakeup().wait()
      return Task.isCancelled
    }
    await begun.wait()
    interrupt.request(.shutdown)
    interrupt.fire(.agentRestart)
    let ended = await result
    #expect(ended.value)
    guard case .interrupt(.agentRestart) = ended.cut else {
      Issue.record("not cut by the interrupt: \(String(describing: ended.cut))")
      return
    }
  }
}
