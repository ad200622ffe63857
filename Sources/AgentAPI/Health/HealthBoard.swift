import AgentCore
import InProcessCache

/// What health pages are made of: the shared database probe, quick checks, and whether the service takes requests.
package struct HealthBoard: Sendable {
  /// A part whose state is known without waiting: the disk, the journal's writer, the clock.
  package struct Check: Sendable {
    /// As `/health` names it: `disk`.
    package var name: String
    /// Nil while all is well, else a sentence about what is wrong.
    package var problem: @Sendable () -> String?
    package init(_ name: String, problem: @escaping @Sendable () -> String?) {
      (self.name, self.problem) = (name, problem)
    }
  }

  package var version: String
  package var database: SharedProbe
  package var checks: [Check]
  /// A cache's own probe: members for the answer (`entries`, …), nil when it failed.
  package var cache: @Sendable () -> [String: JSONValue]?
  /// Nil once requests are taken; else why not yet, or not any more: `starting`, `shutting_down`.
  package var unreadiness: @Sendable () -> String?
  package var clock: any WallClock
  private let startedAt: Duration

  /// `startedAt`: the clock's uptime when the process began.
  package init(
    version: String, database: SharedProbe, checks: [Check], cache: @escaping @Sendable () -> [String: JSONValue]?,
    unreadiness: @escaping @Sendable () -> String?, clock: any WallClock, startedAt: Duration
  ) {
    (self.version, self.database, self.checks, self.cache) = (version, database, checks, cache)
    (self.unreadiness, self.clock, self.startedAt) = (unreadiness, clock, startedAt)
  }

  /// What `cache` asks of a cache: stores, reads back and forgets one entry under a key that no route has.
  package static func probe(_ cache: ExpiringCache<String, [UInt8]>) -> [String: JSONValue]? {
    cache.probe("health", [1]) ? ["entries": JSONValue(cache.counts.entries)] : nil
  }

  var uptimeSeconds: Int64 { (clock.uptime() - startedAt).components.seconds }
}
