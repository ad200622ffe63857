/// What the dispatcher has room for.
package struct ClaimRequest: Sendable {
  package struct Room: Sendable {
    package var agent: AgentDefinition
    /// Free places of this agent, at least 1.
    package var places: Int
    /// The agent's generation, read before its definition was: with another one stored, the definition may be older
    /// than the restart that raised it, and none of its tasks is claimed. Nil: not compared.
    package var generation: Int64?
    package init(agent: AgentDefinition, places: Int, generation: Int64? = nil) {
      (self.agent, self.places, self.generation) = (agent, places, generation)
    }
  }
  /// Enabled agents with free places.
  package var rooms: [Room]
  /// Free places in all, at most 64 a request.
  package var places: Int
  /// Whether the one place for tasks that keep killing the process is free (`crashes` 3 and 4).
  package var quarantineIsFree: Bool
  package init(rooms: [Room], places: Int, quarantineIsFree: Bool) {
    (self.rooms, self.places, self.quarantineIsFree) = (rooms, places, quarantineIsFree)
  }
}

/// A task that is now running, with all that its worker needs.
package struct ClaimedTask: Sendable {
  package var claim: Claim
  package var task: AgentTask
  /// The definition the task has pinned.
  package var definition: AgentDefinition
  /// Deaths of the process since its last finished step.
  package var crashes: Int
  /// Service time left until the deadline, counted from the claim.
  package var timeLeft: Duration
  /// Service time it was running so far, in this attempt: what `limits.wall_time` counts.
  package var wallTimeUsed: Duration
  /// Whether the journal has steps: then the worker reads them before it goes on.
  package var hasSteps: Bool
  /// The number, within the task, of the row that tells of this claim: whatever stands above it came later.
  package var lastTaskSequence: Int64
  /// Whether some of its rows hold sealed values: only then are there any to ask `clearValues` for.
  package var hasSealed: Bool
  package init(
    claim: Claim, task: AgentTask, definition: AgentDefinition, crashes: Int, timeLeft: Duration,
    wallTimeUsed: Duration, hasSteps: Bool, lastTaskSequence: Int64, hasSealed: Bool = false
  ) {
    (self.claim, self.task, self.definition, self.crashes) = (claim, task, definition, crashes)
    (self.timeLeft, self.wallTimeUsed, self.hasSteps) = (timeLeft, wallTimeUsed, hasSteps)
    (self.lastTaskSequence, self.hasSealed) = (lastTaskSequence, hasSealed)
  }
}

/// What an agent's stored state says beside its definition.
package struct AgentState: Sendable, Hashable {
  package var agent: AgentID
  package var isDisabled: Bool
  /// Rises with each `restart`; a task pinned under an older one takes the newest definition at its next claim.
  package var generation: Int64
  package var lastError: Failure?
  package init(agent: AgentID, isDisabled: Bool = false, generation: Int64 = 0, lastError: Failure? = nil) {
    (self.agent, self.isDisabled, self.generation, self.lastError) = (agent, isDisabled, generation, lastError)
  }
}
