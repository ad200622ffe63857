import AgentCore

/// What a stream of events shows next.
package enum FeedItem: Sendable, Hashable {
  /// The stream's starting point, or the last number looked at (a heartbeat): a bare `id:`.
  case position(Int64)
  case entry(JournalEntry)
  case delta(ModelDelta)
  /// Numbers below what was deleted, or above the newest, were asked for.
  case gap
  /// A task's stream is over; with a reason when the task was deleted.
  case end(reason: String?)
}

/// One reader's way through the journal: every row above its starting point once, in order, then live; deltas between.
/// A value for one task at a time.
package struct EventFeed: Sendable {
  /// Quiet longer than this: a heartbeat, so that proxies and readers know the line is alive.
  package static let heartbeat: Duration = .seconds(15)
  /// Rows read at once.
  private static let pageLimit = 256

  private let store: any TaskReader
  private let clock: any WallClock
  private let subscription: TaskEvents.Subscription
  private let task: TaskID?
  private var position: Int64
  private var queue: [FeedItem]
  /// The try of a model call whose `step.started` this reader has seen: only its deltas pass.
  private var openTries: [TaskID: (step: Int, attempt: Int)] = [:]
  /// Deltas that came while rows before them were still being read.
  private var held: [ModelDelta] = []
  /// The highest sequence whose deletion this reader knows of; those above it and above `position` it has missed.
  private var knownDeleted: Int64
  private var isOver = false
  /// Rows may stand above `position`: at the beginning, after a commit, and while a page did not hold them all.
  private var mayHaveRows = true
  /// When this reader was last given something, by the clock's uptime; nil while it has something to take.
  private var quietSince: Duration?

  /// `after` nil: a task's feed starts at its first event, the feed of all tasks starts now. Throws `not_found` for a
  /// task that does not exist. `close` must be called at the end. `isResumed`: `after` is what a reader has seen, and
  /// not the wish for all that is kept, which 0 is otherwise.
  package static func open(
    store: any TaskReader, events: TaskEvents, clock: any WallClock, task: TaskID?, after: Int64?,
    isResumed: Bool = false
  ) async throws(StoreError) -> EventFeed {
    let subscription = events.changes(of: task, withDeltas: true)
    do throws(StoreError) {
      let bounds = try await store.eventBounds()
      if let task, try await store.task(task) == nil { throw StoreError(.notFound, "there is no \(task)") }
      var start = after ?? (task == nil ? bounds.newest : 0)
      var opening: [FeedItem] = []
      let asksForAll = start == 0 && !isResumed
      if start > bounds.newest || (task == nil && after != nil && start < bounds.highestDeleted && !asksForAll) {
        opening.append(.gap)
        start = min(start, bounds.newest)
      }
      return EventFeed(
        store: store, clock: clock, subscription: subscription, task: task, position: start,
        knownDeleted: bounds.highestDeleted, queue: [.position(start)] + opening)
    } catch {
      subscription.cancel()
      throw error
    }
  }

  private init(
    store: any TaskReader, clock: any WallClock, subscription: TaskEvents.Subscription, task: TaskID?,
    position: Int64, knownDeleted: Int64, queue: [FeedItem]
  ) {
    (self.store, self.clock, self.subscription, self.task) = (store, clock, subscription, task)
    (self.position, self.knownDeleted, self.queue) = (position, knownDeleted, queue)
  }

  package func close() { subscription.cancel() }

  /// The next item; nil when the feed is over, the caller is cancelled, or the reader was too slow.
  package mutating func next() async throws(StoreError) -> FeedItem? {
    while true {
      if !queue.isEmpty {
        quietSince = nil
        return queue.removeFirst()
      }
      if isOver || _Concurrency.Task.isCancelled { return nil }
      try await fill()
      if !queue.isEmpty || isOver { continue }
      // Kept across wakes: many bring nothing that this reader is shown.
      let now = clock.uptime()
      let quiet = now - (quietSince ?? now)
      quietSince = now - quiet
      if quiet >= Self.heartbeat {
        queue.append(.position(position))
      } else {
        await subscription.next(within: Self.heartbeat - quiet, clock: clock)
      }
    }
  }

  private mutating func fill() async throws(StoreError) {
    // Before the rows: a delta's `step.started` was committed before it was published, so the read below sees it.
    guard let early = takeDeltas() else { return }
    held += early
    // Asked after the deltas were taken: a commit is told before what it opens is published.
    if subscription.takeHasRows() { mayHaveRows = true }
    guard mayHaveRows else { return showHeld() }
    let (page, status) = try await store.events(after: position, of: task, limit: Self.pageLimit)
    // And after: what was published before a `step.finished` that the read saw must not come too late for it.
    guard let late = takeDeltas() else { return }
    let earlyCount = held.count
    held += late
    if task == nil, page.highestDeleted > max(position, knownDeleted) { queue.append(.gap) }
    knownDeleted = max(knownDeleted, page.highestDeleted)
    var shown = Set<Int>()
    for entry in page.entries {
      if entry.step != nil { showDeltas(of: entry.task, from: held.indices, shown: &shown) }
      queue.append(.entry(entry))
      note(entry)
    }
    position = max(position, page.lookedUpTo)
    if !page.hasMore {
      for task in Set(held[..<earlyCount].map(\.task)) { showDeltas(of: task, from: 0..<earlyCount, shown: &shown) }
      // Early ones that fitted no open try never will; late ones may be of a try whose start the next read sees.
      shown.formUnion(0..<earlyCount)
    }
    held = held.indices.filter { !shown.contains($0) }.map { held[$0] }
    mayHaveRows = page.hasMore
    guard !page.hasMore, let task else { return }
    // Rows and status are of one snapshot, so nothing can follow.
    if status == nil { end("\(task) was deleted") } else if status?.isTerminal == true { end(nil) }
  }

  /// Only deltas came: every row is read, so what fits no open try never will, and no read is due.
  private mutating func showHeld() {
    var shown = Set<Int>()
    for task in Set(held.map(\.task)) { showDeltas(of: task, from: held.indices, shown: &shown) }
    held = []
  }

  /// Nil, and the feed is over, when this reader was too slow.
  private mutating func takeDeltas() -> [ModelDelta]? {
    guard let deltas = subscription.takeDeltas(),
      !TaskEvents.Subscription.isTooMuch(
        held.count + deltas.count, bytes: [held, deltas].joined().reduce(0) { $0 + $1.text.utf8.count })
    else {
      isOver = true
      return nil
    }
    return deltas
  }

  /// Queues the deltas of the task's open try.
  private mutating func showDeltas(of task: TaskID, from indices: Range<Int>, shown: inout Set<Int>) {
    guard let open = openTries[task] else { return }
    for index in indices where held[index].task == task && open == (held[index].step, held[index].attempt) {
      if shown.insert(index).inserted { queue.append(.delta(held[index])) }
    }
  }

  private mutating func end(_ reason: String?) {
    queue.append(.end(reason: reason))
    isOver = true
  }

  private mutating func note(_ entry: JournalEntry) {
    guard let step = entry.step else {
      if entry.type != .taskCancelling { openTries[entry.task] = nil }
      return
    }
    if entry.type == .stepStarted, entry.head["kind"]?.stringValue == StepKind.modelCall.rawValue {
      openTries[entry.task] = (step, Int(entry.head["attempt"]?.integerValue ?? 1))
    } else {
      openTries[entry.task] = nil
    }
  }
}
