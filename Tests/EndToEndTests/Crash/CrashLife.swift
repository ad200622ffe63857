import AgentCore
import Foundation
import HTTPTransport

/// One life of the process as its event stream tells it: who runs, and who of them has finished a step in this life.
struct CrashLife {
  /// Running tasks, each with whether it has finished a step since this life began.
  private(set) var running: [String: Bool]
  private(set) var eventCount = 0
  /// Tasks that ended, for whoever wants to ask them to go again.
  private(set) var cancelled: [String] = []
  private var parser = EventStreamParser()

  init(running: [String]) { self.running = Dictionary(uniqueKeysWithValues: running.map { ($0, false) }) }

  var withFinishedStep: Int { running.values.count { $0 } }

  mutating func take(_ bytes: [UInt8]) throws {
    for event in try parser.consume(bytes) where event.name != "gap" && event.name != "delta" {
      guard let task = Self.task(in: event.data) else { continue }
      eventCount += 1
      switch event.name {
      case "task.started": running[task] = false
      case "step.finished": if running[task] != nil { running[task] = true }
      case "task.cancelled":
        running[task] = nil
        cancelled.append(task)
      case "task.waiting", "task.retrying", "task.requeued", "task.completed", "task.failed": running[task] = nil
      default: break
      }
    }
  }

  /// The member `task`: looked for and not parsed, since a life has hundreds of events and the rig no time.
  private static func task(in data: String) -> String? {
    guard let start = data.range(of: "\"task\":\"")?.upperBound else { return nil }
    return data[start...].firstIndex(of: "\"").map { String(data[start..<$0]) }
  }
}
