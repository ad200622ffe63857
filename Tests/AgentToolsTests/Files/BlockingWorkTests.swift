import AgentCore
import AgentTestKit
import Synchronization
import Testing

@testable import AgentTools

@Suite("Work that blocks", .timeLimit(.minutes(4)))
struct BlockingWorkTests {
  private func run(
    _ work: BlockingWork, _ body: @escaping @Sendable (WorkTicket) throws(WorkspaceError) -> Int
  ) async -> Result<Int, WorkspaceError> {
    do throws(WorkspaceError) {
      return .success(try await work.run(cancelled: .cancelled, busy: .busy, body))
    } catch {
      return .failure(error)
    }
  }

  /// How many run at this moment, and the most there ever were.
  private final class Gauge: Sendable {
    private let counts = Mutex((now: 0, most: 0))
    func enter() { counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
    func leave() { counts.withLock { $0.now -= 1 } }
    var most: Int { counts.withLock { $0.most } }
  }

  @Test("no more run at once than it is wide, and all are answered")
  func width() async {
    let work = BlockingWork(width: 3)
    let gauge = Gauge()
    let sum = await withTaskGroup(of: Int.self) { group in
      for number in 0..<200 {
        group.addTask {
          let result = await run(work) { _ in
            gauge.enter()
            defer { gauge.leave() }
            return number
          }
          if case .success(let value) = result { return value }
          return -1000
        }
      }
      return await group.reduce(0, +)
    }
    #expect(sum == 199 * 200 / 2)
    #expect((1...3).contains(gauge.most))
  }

  @Test("a cancelled caller is answered while the work still hangs, and the work may not commit any more")
  func cancelled() async {
    let work = BlockingWork(width: 1)
    let (began, go, refused) = (ThreadSignal(), ThreadSignal(), ThreadSignal())
    let results = await withTaskGroup(of: Result<Int, WorkspaceError>.self) { group in
      group.addTask {
        await run(work) { (ticket) throws(WorkspaceError) in
          began.send()
          _ = go.wait()
          do throws(WorkspaceError) { try ticket.commit() } catch { refused.send() }
          return 1
        }
      }
      #expect(await began.arrives())
      group.cancelAll()
      let result = await group.next()
      go.send()
      return result
    }
    #expect(results == .failure(.cancelled))
    #expect(await refused.arrives())
  }

  @Test("work that committed is waited for, cancelled or not")
  func committed() async {
    let work = BlockingWork(width: 1)
    let (began, go) = (ThreadSignal(), ThreadSignal())
    let result = await withTaskGroup(of: Result<Int, WorkspaceError>.self) { group in
      group.addTask {
        await run(work) { (ticket) throws(WorkspaceError) in
          try ticket.commit()
          began.send()
          _ = go.wait()
          return 7
        }
      }
      #expect(await began.arrives())
      group.cancelAll()
      go.send()
      return await group.next()
    }
    #expect(result == .success(7))
  }

  /// Fills the only thread until `go`, and does `body` meanwhile.
  private func whileBlocked(_ work: BlockingWork, until go: ThreadSignal, _ body: () async -> Void) async {
    let began = ThreadSignal()
    await withTaskGroup(of: Result<Int, WorkspaceError>.self) { group in
      group.addTask {
        await run(work) { _ in
          began.send()
          _ = go.wait()
          return 1
        }
      }
      #expect(await began.arrives())
      await body()
      #expect(await group.next() == .success(1))
    }
  }

  @Test("a caller that is cancelled while it waits in the queue has nothing done")
  func cancelledInQueue() async {
    let work = BlockingWork(width: 1)
    let (go, ran) = (ThreadSignal(), Gauge())
    await whileBlocked(work, until: go) {
      let second = await withTaskGroup(of: Result<Int, WorkspaceError>.self) { group in
        group.addTask {
          await run(work) { _ in
            ran.enter()
            return 2
          }
        }
        group.cancelAll()
        return await group.next()
      }
      #expect(second == .failure(.cancelled))
      go.send()
    }
    #expect(await run(work) { _ in 3 } == .success(3))
    #expect(ran.most == 0)
  }

  @Test("a full queue refuses the next caller")
  func full() async {
    let work = BlockingWork(width: 1)
    let go = ThreadSignal()
    await whileBlocked(work, until: go) {
      let results = await withTaskGroup(of: Result<Int, WorkspaceError>.self) { group in
        // One more than the queue holds: that one is refused, and then the rest may run.
        for _ in 0...BlockingWork.maximumWaiting { group.addTask { await run(work) { _ in 1 } } }
        var results: [Result<Int, WorkspaceError>] = []
        for await result in group {
          if results.isEmpty { go.send() }
          results.append(result)
        }
        return results
      }
      #expect(results.first == .failure(.busy))
      #expect(results.count { $0 == .failure(.busy) } == 1)
    }
  }

  /// What a piece of work holds; whether it is still held.
  private final class Held: Sendable {}
  private final class Watch: Sendable {
    private struct Weak { weak var held: Held? }
    private let weak = Mutex(Weak())
    func set(_ held: Held) { weak.withLock { $0.held = held } }
    var isGone: Bool { weak.withLock { $0.held == nil } }
  }

  @Test("what a finished piece of work held is let go of while others still wait")
  func letsGo() async {
    let work = BlockingWork(width: 1)
    let (go, secondBegan, secondGo) = (ThreadSignal(), ThreadSignal(), ThreadSignal())
    let watch = Watch()
    await whileBlocked(work, until: go) {
      await withTaskGroup(of: Result<Int, WorkspaceError>.self) { group in
        group.addTask {
          let held = Held()
          watch.set(held)
          return await run(work) { _ in withExtendedLifetime(held) { 2 } }
        }
        while work.waitingCount < 1 { await _Concurrency.Task.yield() }
        group.addTask {
          await run(work) { _ in
            secondBegan.send()
            _ = secondGo.wait()
            return 3
          }
        }
        while work.waitingCount < 2 { await _Concurrency.Task.yield() }
        go.send()
        #expect(await group.next() == .success(2))
        #expect(await secondBegan.arrives())
        #expect(watch.isGone)
        secondGo.send()
        #expect(await group.next() == .success(3))
      }
    }
  }

  @Test("a cancelled tool call ends as cancelled and writes nothing")
  func cancelledTool() async throws {
    let bench = try Bench()
    let tool = try bench.tool("file.write")
    let arguments: JSONValue = ["path": "d/f", "text": "new"]
    let plan = try await tool.plan(arguments, in: bench.context)
    let context = bench.context
    let code = await withTaskGroup(of: String.self) { group in
      group.cancelAll()
      group.addTask {
        do throws(ToolError) {
          _ = try await tool.perform(arguments, plan: plan, in: context)
          return "done"
        } catch {
          return error.code
        }
      }
      return await group.next()
    }
    #expect(code == "cancelled")
    #expect(try bench.names() == [])
  }
}
