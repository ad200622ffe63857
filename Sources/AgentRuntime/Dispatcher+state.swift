import AgentCore

extension Dispatcher {
  /// A task that has a worker.
  struct Running {
    var agent: AgentID
    /// The agent's restarts when its claim was asked for.
    var restarts: Int
    var interrupt: WorkInterrupt
    /// Until its next finished step.
    var isQuarantined: Bool
    /// Both of the clock's uptime.
    var deadline: Duration
    var wallDeadline: Duration?
    /// Since when a provider lets it wait: its wall time stands still.
    var restBegan: Duration?
  }

  /// What the dispatcher knows; behind its lock.
  struct State {
    var running: [TaskID: Running] = [:]
    /// How often each agent was restarted in this life.
    var restarts: [AgentID: Int] = [:]
    /// `restarts` when the claim was asked for whose tasks are not all in `running` yet.
    var claiming: [AgentID: Int]?
    var isAlive = false
    var isDraining = false
    /// The drain's grace is over.
    var isHurried = false
    var isAbandoned = false
    /// Tasks whose wait for a provider shall end now. One that still runs stays here until its worker is gone: its wait
    /// may be on its way to the disk.
    var hastened: Set<TaskID> = []
    /// Those who wait for workers to be gone.
    var watchers: [Int: Wakeup] = [:]
    var nextWatcher = 0
    var refusals = RefusalNotice()
    /// Those who wait for the loop to come past.
    var turnWaiters: [Wakeup] = []
  }
}
