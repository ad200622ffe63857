import AgentCore

/// What a worker reads before its first step. While it cannot be read it is asked for again, until the worker is to leave.
extension WorkerRun {
  mutating func readJournal() async throws(Worker.ClaimEnded) {
    while true {
      do throws(StoreError) {
        progress = TaskProgress(replaying: remembered(try await parts.store.journal(of: worker.task.id)))
        noteTaken("the task's journal was read after all")
        return
      } catch {
        try await pauseReading(after: error, "the task's journal could not be read yet")
      }
    }
  }

  /// All of it, but for a deliberate bug.
  private func remembered(_ journal: [JournalEntry]) -> [JournalEntry] {
    #if DEBUG
    if parts.faults.bug == .dropsOutputs {
      return journal.map { entry in
        var entry = entry
        if entry.body?["output"]?["files"] != nil { entry.body = nil }
        return entry
      }
    }
    #endif
    return journal
  }

  /// Opens what the task holds sealed, where it shows that it does; what the task fails with where that cannot be.
  mutating func openSealed() async throws(Worker.ClaimEnded) -> Failure? {
    // What a pass has sealed since the claim shows by itself; a value in a text of JSON does not.
    guard worker.claimed.hasSealed || TaskSealing.isNeeded(worker.task, progress.history) else { return nil }
    while true {
      do throws(StoreError) {
        sealing.open(try await parts.store.clearValues(of: worker.task.id))
        sealing.hideEchoes(in: &progress)
        noteTaken("the task's sealed values were read after all")
        return nil
      } catch {
        if error.isUnopened {
          return Failure(code: error.code.rawValue, detail: error.detail)
        }
        try await pauseReading(after: error, "the task's sealed values could not be read yet")
      }
    }
  }

  /// Whoever is to leave needs nothing of what could not be read: the store knows which step is open.
  private mutating func pauseReading(after error: StoreError, _ message: String) async throws(Worker.ClaimEnded) {
    if let reason = worker.interrupt.reason {
      _ = try await end(with: worker.outcome(of: reason))
      throw Worker.ClaimEnded()
    }
    try await pause(after: error, message, isEager: true)
  }
}
