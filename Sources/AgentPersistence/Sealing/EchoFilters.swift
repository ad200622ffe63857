import AgentCore
import Synchronization

/// The filters of the tasks that one pass is busy with: what was said of a value before it was sealed is looked for with
/// them. A task's rows stand close together, so that few are held.
final class EchoFilters: Sendable {
  private let filters = Mutex<[Int64: SealedFilter]>([:])

  /// Past so many all of them are let go of.
  private static let maximumTasks = 64

  /// `make` gives nil for a task that has nothing sealed so far.
  func filter<E: Error>(of task: Int64, _ make: () throws(E) -> SealedFilter?) throws(E) -> SealedFilter {
    if let known = filters.withLock({ $0[task] }) { return known }
    guard let new = try make() else { return SealedFilter() }
    filters.withLock { filters in
      if filters.count >= Self.maximumTasks { filters = [:] }
      filters[task] = new
    }
    return new
  }
}
