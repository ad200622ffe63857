import Dispatch
import Foundation
import Glibc

/// What a process has done so far, as the kernel counts it.
struct ProcessWork: Sendable, Hashable {
  var processor: Duration = .zero
  /// Blocks read from and written to disks.
  var blocks: Int64 = 0

  /// This process's (getrusage(2)).
  static func now() -> ProcessWork {
    var usage = rusage()
    guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return ProcessWork() }
    return ProcessWork(
      processor: duration(usage.ru_utime) + duration(usage.ru_stime),
      blocks: Int64(usage.ru_inblock) + Int64(usage.ru_oublock))
  }

  private static func duration(_ time: timeval) -> Duration {
    .seconds(Int64(time.tv_sec)) + .microseconds(Int64(time.tv_usec))
  }
}

/// Decides whether a start that takes long is to be given more time: while it works, and not when it hangs. Opening the
/// store, migrations with their checks, and the recovery grow with the data.
struct StartWatch: Sendable {
  /// Between two looks.
  static let pause: Duration = .seconds(5)
  /// What one look asks for: six looks, so that a disk that stalls for a while costs nothing.
  static let timeAsked: Duration = .seconds(30)
  /// Nothing that we do at a start takes as long on the slowest disk: past it, work is a loop without an end.
  static let longest: Duration = .seconds(4 * 3600)
  /// Less is what looking costs.
  private static let leastProcessor: Duration = .milliseconds(50)

  private var seen: ProcessWork
  private var waited: Duration = .zero

  init(_ work: ProcessWork) { seen = work }

  /// One look, a pause after the one before.
  mutating func deservesMoreTime(_ work: ProcessWork) -> Bool {
    waited += Self.pause
    defer { seen = work }
    guard waited <= Self.longest else { return false }
    return work.processor - seen.processor >= Self.leastProcessor || work.blocks > seen.blocks
  }
}

extension StartWatch {
  /// Looks on a thread of its own until the service serves, for the start may hold all others.
  static func begin(for link: UnitLink) {
    guard link.address != nil else { return }
    let thread = Thread {
      var watch = StartWatch(.now())
      // Nobody signals it: a wait that ends by its time alone.
      let never = DispatchSemaphore(value: 0)
      while never.wait(timeout: .now() + .seconds(Int(pause.components.seconds))) == .timedOut, !link.isServing {
        if watch.deservesMoreTime(.now()) { link.tell(.moreTime(timeAsked)) }
      }
    }
    thread.name = "start-watch"
    thread.start()
  }
}
