import AgentCore
import Synchronization

/// One closure that waits for its turn, whatever it returns.
protocol PendingWrite: Sendable {
  var lane: WriteLane { get }
  /// Runs the closure and keeps what it gave; nil when it returned. May be called again after a rollback.
  func run(in context: WriteContext) -> (any Error)?
  /// Lets the caller go on with what the last run gave. Exactly one of `finish` and `fail` is called, once.
  func finish()
  func fail(_ error: StoreError)
}

final class WriteRequest<Value: Sendable>: PendingWrite {
  let lane: WriteLane
  private let body: @Sendable (WriteContext) throws -> Value
  private let continuation: CheckedContinuation<Result<Value, StoreError>, Never>
  private let outcome = Mutex<Result<Value, StoreError>?>(nil)

  init(
    lane: WriteLane, body: @escaping @Sendable (WriteContext) throws -> Value,
    continuation: CheckedContinuation<Result<Value, StoreError>, Never>
  ) {
    (self.lane, self.body, self.continuation) = (lane, body, continuation)
  }

  func run(in context: WriteContext) -> (any Error)? {
    do {
      let value = try body(context)
      outcome.withLock { $0 = .success(value) }
      return nil
    } catch {
      outcome.withLock { $0 = .failure(StoreError(describing: error)) }
      return error
    }
  }

  func finish() {
    let result = outcome.withLock { $0 }
    continuation.resume(returning: result ?? .failure(StoreError(.storageIOError, "The write was never run.")))
  }

  func fail(_ error: StoreError) { continuation.resume(returning: .failure(error)) }
}
