import AgentCore
import GRDB

/// One row of `task` in memory: read, changed by the verbs, written back by `WriteContext.save`.
struct TaskRow {
  let id: TaskID
  let agent: Int64
  let owner: Int64
  let timeoutSeconds: Int64
  let priority: Int64
  let created: Int64
  let inputSequence: Int64

  var agentVersion: Int64?
  var agentGeneration: Int64
  var status: TaskStatus
  var waitReason: WaitReason?
  var waitStep: Int64?
  var attempt: Int64
  var maxAttempts: Int64
  var crashes: Int64
  var epoch: Int64
  var claim: Int64
  var lastStep: Int64
  var lastTaskSequence: Int64
  /// The step that is started and not ended, with what a repetition of it does: `pure` too when every try of it is
  /// known to have done nothing.
  var openStep: Int64?
  var openEffect: EffectClass?
  /// Steps in doubt that nobody has settled.
  var inDoubt: Int64
  var cancelAt: Int64?
  var started: Int64?
  var finished: Int64?
  /// Pending: not before; waiting: the end of the wait.
  var runAfter: Int64?
  /// Service time; nil before the first start, and while a person is waited for.
  var deadline: Int64?
  /// What was left of it when a wait for a person stopped it.
  var deadlineLeft: Int64?
  var runningSince: Int64?
  var wallUsed: Int64
  var tokensReserved: Int64
  var tokensUsed: Int64
  var inputTokens: Int64
  var outputTokens: Int64
  var modelCalls: Int64
  var toolCalls: Int64
  var nanoUSDUsed: Int64?
  /// The row of the journal that has the output or the error.
  var outputSequence: Int64?
  /// Whether a row of its journal holds a sealed value.
  var hasSealed = false
  /// The rows of the journal appended since this was read, in order.
  var appended: [JournalEntry] = []

  /// As the database has it: what the counters have counted. Nil for a row that is not there yet.
  private(set) var stored: TaskStatus?
  private var storedState: [Int64?] = []
  private var storedSealed = false

  /// The columns that the wide update writes and the narrow one does not.
  var stateColumns: [Int64?] {
    [
      status.storedCode, waitReason?.storedCode, waitStep, attempt, maxAttempts, crashes, epoch, claim, started,
      finished, runAfter, deadline, deadlineLeft, runningSince, wallUsed, outputSequence,
    ]
  }

  /// Whether the wide update is due.
  var hasMoved: Bool { storedState != stateColumns }

  /// Whether its first sealed value has come since it was read.
  var isNewlySealed: Bool { hasSealed && !storedSealed }

  /// Says that the database now has the row as it is here.
  mutating func markStored() { (stored, storedState, storedSealed) = (status, stateColumns, hasSealed) }
}

extension TaskRow {
  /// The columns that `init(_:)` reads, in its order.
  static let columns = """
    id, agent, owner, timeout, priority, created, input_seq, agent_version, agent_generation, status, wait_reason, \
    wait_step, attempt, max_attempts, crashes, epoch, claim, last_step, last_task_seq, open_step, open_effect, \
    in_doubt, cancel_at, started, finished, run_after, deadline, deadline_left, running_since, wall_used, \
    tokens_reserved, tokens_used, input_tokens, output_tokens, llm_calls, tool_calls, nanousd_used, output_seq, sealed
    """

  /// Reads a row selected with `columns`.
  init(_ row: Row) throws {
    id = TaskID(number: row[0])
    guard let status = TaskStatus(storedCode: row[9]) else {
      throw StoreError(.databaseCorrupt, "\(id) has a status that no version wrote")
    }
    (agent, owner, timeoutSeconds, priority) = (row[1], row[2], row[3], row[4])
    (created, inputSequence, agentVersion, agentGeneration) = (row[5], row[6], row[7], row[8])
    self.status = status
    waitReason = (row[10] as Int64?).flatMap(WaitReason.init(storedCode:))
    (waitStep, attempt, maxAttempts, crashes) = (row[11], row[12], row[13], row[14])
    (epoch, claim, lastStep, lastTaskSequence) = (row[15], row[16], row[17], row[18])
    openStep = row[19]
    openEffect = (row[20] as Int64?).flatMap(EffectClass.init(storedCode:))
    (inDoubt, cancelAt, started, finished) = (row[21], row[22], row[23], row[24])
    (runAfter, deadline, deadlineLeft, runningSince) = (row[25], row[26], row[27], row[28])
    (wallUsed, tokensReserved, tokensUsed) = (row[29], row[30], row[31])
    (inputTokens, outputTokens, modelCalls, toolCalls) = (row[32], row[33], row[34], row[35])
    (nanoUSDUsed, outputSequence) = (row[36], row[37])
    hasSealed = row[38] as Int64 != 0
    markStored()
  }

  /// A task that is being created.
  init(_ task: NewTask, agent: Int64, owner: Int64, created: Int64, inputSequence: Int64) {
    id = task.id
    (self.agent, self.owner, self.created, self.inputSequence) = (agent, owner, created, inputSequence)
    (timeoutSeconds, priority) = (Int64(task.timeoutSeconds), Int64(task.priority))
    (agentGeneration, status, attempt, maxAttempts) = (0, .pending, 1, Int64(task.maxAttempts))
    (crashes, epoch, claim, lastStep, lastTaskSequence, inDoubt) = (0, 0, 0, 0, 0, 0)
    (wallUsed, tokensReserved, tokensUsed, inputTokens, outputTokens) = (0, 0, 0, 0, 0)
    (modelCalls, toolCalls) = (0, 0)
  }
}
