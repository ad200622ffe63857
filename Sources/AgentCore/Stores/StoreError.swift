/// Why a store refused, by a closed list of codes that HTTP, logs and the command line show unchanged.
package struct StoreError: Error, Sendable, Hashable {
  package enum Code: String, Sendable, CaseIterable {
    case notFound = "not_found"
    case taskFinished = "task_finished"
    case taskNotFinished = "task_not_finished"
    case taskNotRetryable = "task_not_retryable"
    case taskNotWaiting = "task_not_waiting"
    case taskDeleted = "task_deleted"
    case stepInDoubt = "step_in_doubt"
    case stepNotInDoubt = "step_not_in_doubt"
    case idempotencyMismatch = "idempotency_mismatch"
    case idempotencyInFlight = "idempotency_in_flight"
    case queueFull = "queue_full"
    /// The queue of writes is full: nothing was stored.
    case overloaded
    /// A worker's write under a claim that is no longer its own: nothing was stored.
    case claimLost = "claim_lost"
    case diskFull = "disk_full"
    case storageReadOnly = "storage_read_only"
    case storageIOError = "storage_io_error"
    case storageBusy = "storage_busy"
    case databaseCorrupt = "database_corrupt"
    /// A sealed value does not open: it was changed, moved, or sealed under another key of that number.
    case sealedValueInvalid = "sealed_value_invalid"
    /// The key ring has no key of the number that a sealed value names.
    case keyUnknown = "key_unknown"
    case sealedFormatUnknown = "sealed_format_unknown"
    /// There is no memory that can be locked, or no randomness.
    case sealingUnavailable = "sealing_unavailable"
    case keyExhausted = "key_exhausted"
    /// The store is closed, or being closed.
    case closed = "shutting_down"
    case invalidCursor = "invalid_parameter"
    /// What is to be stored could not be read back: nothing was stored.
    case jsonTooDeep = "json_too_deep"
  }
  package var code: Code
  package var detail: String
  /// Refused before anything of it was begun: whatever the code, nothing was stored.
  package var wasRefused = false
  package init(_ code: Code, _ detail: String) { (self.code, self.detail) = (code, detail) }

  /// Whether a sealed value did not open.
  package var isUnopened: Bool { [.sealedValueInvalid, .keyUnknown, .sealedFormatUnknown].contains(code) }

  /// The same error for a write that was not begun.
  package var asRefusal: StoreError {
    var error = self
    error.wasRefused = true
    return error
  }

  /// What the caller asked for may or may not have happened (HTTP 503 and 507).
  package var leavesOutcomeUnknown: Bool {
    if wasRefused { return false }
    return switch code {
    case .diskFull, .storageReadOnly, .storageIOError, .storageBusy, .databaseCorrupt, .closed: true
    default: false
    }
  }
}
