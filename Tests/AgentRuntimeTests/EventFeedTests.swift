import AgentConfig
import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Synchronization
import Testing

/// One reader's way through the journal, on a real store whose task is moved by hand.
@Suite("Event feeds", .timeLimit(.minutes(4))) struct EventFeedTests {
  private static func rig() async throws -> EngineRig {
    try await EngineRig(in: TemporaryFolder(), agents: [EngineTests.agent()], script: .turns([]))
  }

  private static func claim(_ rig: EngineRig) async throws -> Claim {
    let room = ClaimRequest.Room(agent: EngineTests.agent(), places: 1)
    let claimed = try await rig.store.claim(ClaimRequest(rooms: [room], places: 1, quarantineIsFree: true))
    return try #require(claimed.first).claim
  }

  private static func start(_ step: Int, attempt: Int = 1) -> TaskChange {
    .stepStarted(
      StepStart(
        number: step, kind: .modelCall, name: "sandbox", effect: .pure, attempt: attempt, input: "x", inputHash: "h"))
  }

  private static func open(
    _ rig: EngineRig, _ task: TaskID? = nil, after: Int64? = nil, isResumed: Bool = false,
    store: (any TaskReader)? = nil
  ) async throws -> EventFeed {
    try await EventFeed.open(
      store: store ?? rig.store, events: rig.events, clock: rig.clock, task: task, after: after,
      isResumed: isResumed)
  }

  /// The next items, so many.
  private static func take(_ count: Int, _ feed: inout EventFeed) async throws -> [String] {
    var items: [String] = []
    for _ in 0..<count { items.append(try await feed.next().map(text) ?? "over") }
    return items
  }

  private static func text(_ item: FeedItem) -> String {
    switch item {
    case .position(let number): "position \(number)"
    case .entry(let entry): entry.type.rawValue
    case .delta(let delta): "delta \(delta.step).\(delta.attempt) \(delta.text)"
    case .gap: "gap"
    case .end(let reason): reason == nil ? "end" : "end with reason"
    }
  }

  private static func next(_ feed: EventFeed) async throws -> FeedItem? {
    var feed = feed
    return try await feed.next()
  }

  private static func delta(_ task: TaskID, _ step: Int, attempt: Int = 1, _ text: String) -> ModelDelta {
    ModelDelta(task: task, step: step, attempt: attempt, text: text)
  }

  @Test("a task's feed tells all its rows in order and ends after the last, though a page holds but one of them")
  func endAfterLast() async throws {
    let rig = try await Self.rig()
    let id = try await rig.submit("coder")
    let claim = try await Self.claim(rig)
    _ = try await rig.store.advance(claim, [Self.start(1), .completed(TaskOutput(text: "ok"))])
    let narrow = try await SQLiteTaskStore(
      file: rig.file, clock: rig.clock, digester: FixedDigester(),
      sealing: StoreSealing(ring: try TestKeys.ring(), policy: SensitivePolicy()), pageBytes: 1)
    var feed = try await Self.open(rig, id, store: narrow)
    #expect(
      try await Self.take(7, &feed) == [
        "position 0", "task.submitted", "task.started", "step.started", "task.completed", "end", "over",
      ])
    feed.close()
    #expect(rig.events.subscriberCount == 0)
    await rig.file.close()
  }

  @Test("a feed goes on above the number it is given, with nothing twice")
  func resumed() async throws {
    let rig = try await Self.rig()
    let id = try await rig.submit("coder")
    let claim = try await Self.claim(rig)
    let first = try #require(try await rig.store.journal(of: id).first)
    var feed = try await Self.open(rig, after: first.sequence)
    #expect(try await Self.take(2, &feed) == ["position \(first.sequence)", "task.started"])
    _ = try await rig.store.advance(claim, [.cancelled])
    #expect(try await Self.take(1, &feed) == ["task.cancelled"])
    var now = try await Self.open(rig)
    let newest = try await rig.store.eventBounds().newest
    #expect(try await Self.take(1, &now) == ["position \(newest)"])
    feed.close()
    now.close()
    await rig.file.close()
  }

  @Test("what lies above the head or below what was deleted is one gap; a replay of all that is kept has none")
  func gap() async throws {
    let rig = try await Self.rig()
    let id = try await rig.submit("coder")
    _ = try await rig.tasks.cancel(id, by: .local)
    try await rig.tasks.purge(id, by: .local)
    let newest = try await rig.store.eventBounds().newest
    let tables: [(after: Int64, items: [String])] = [
      (newest + 9, ["position \(newest)", "gap"]), (1, ["position 1", "gap"]), (newest, ["position \(newest)"]),
    ]
    for (after, items) in tables {
      var feed = try await Self.open(rig, after: after)
      #expect(try await Self.take(items.count, &feed) == items)
      feed.close()
    }
    var resumed = try await Self.open(rig, after: 0, isResumed: true)
    #expect(try await Self.take(2, &resumed) == ["position 0", "gap"])
    resumed.close()
    let other = try await rig.submit("coder")
    var all = try await Self.open(rig, after: 0)
    #expect(try await Self.take(2, &all) == ["position 0", "task.submitted"])
    all.close()
    await #expect(throws: StoreError.self) { try await Self.open(rig, id) }
    var feed = try await Self.open(rig, other)
    #expect(try await Self.take(2, &feed) == ["position 0", "task.submitted"])
    _ = try await rig.tasks.cancel(other, by: .local)
    try await rig.tasks.purge(other, by: .local)
    #expect(try await Self.take(2, &feed) == ["end with reason", "over"])
    feed.close()
    await rig.file.close()
  }

  @Test("rows that are deleted while a reader is behind are a gap, told once")
  func gapWhileOpen() async throws {
    let rig = try await Self.rig()
    let id = try await rig.submit("coder")
    var feed = try await Self.open(rig, after: 0)
    var reader = try await Self.open(rig)
    #expect(try await Self.take(2, &feed) == ["position 0", "task.submitted"])
    _ = try await rig.tasks.cancel(id, by: .local)
    #expect(try await Self.take(2, &reader).last == "task.cancelled")
    try await rig.tasks.purge(id, by: .local)
    let other = try await rig.submit("coder")
    #expect(try await Self.take(2, &feed) == ["gap", "task.submitted"])
    // This one had read all that was deleted.
    #expect(try await Self.take(1, &reader) == ["task.submitted"])
    _ = try await rig.tasks.cancel(other, by: .local)
    #expect(try await Self.take(1, &feed) == ["task.cancelled"])
    feed.close()
    reader.close()
    await rig.file.close()
  }

  @Test("deltas pass to readers that have their try's start, and to no others")
  func deltas() async throws {
    let rig = try await Self.rig()
    let id = try await rig.submit("coder")
    let claim = try await Self.claim(rig)
    var feed = try await Self.open(rig, id)
    #expect(try await Self.take(3, &feed) == ["position 0", "task.submitted", "task.started"])
    _ = try await rig.store.advance(claim, [Self.start(1)])
    #expect(try await Self.take(1, &feed) == ["step.started"])
    var late = try await Self.open(rig)
    for delta in [
      Self.delta(id, 1, "a"), Self.delta(id, 1, attempt: 3, "another try"), Self.delta(id, 2, "another step"),
      Self.delta(TaskID(number: 99), 1, "another task"), Self.delta(id, 1, "b"),
    ] { rig.events.publish(delta) }
    #expect(try await Self.take(2, &feed) == ["delta 1.1 a", "delta 1.1 b"])
    _ = try await rig.store.advance(claim, [Self.start(1, attempt: 2)])
    rig.events.publish(Self.delta(id, 1, "late"))
    rig.events.publish(Self.delta(id, 1, attempt: 2, "c"))
    // However late the reader looks, a try's deltas come after its start and before what follows it.
    #expect(try await Self.take(3, &feed) == ["delta 1.1 late", "step.started", "delta 1.2 c"])
    // This one never saw the first try begin.
    #expect(try await Self.take(3, &late).dropFirst() == ["step.started", "delta 1.2 c"])
    feed.close()
    late.close()
    await rig.file.close()
  }

  @Test(
    "a reader that leaves too many deltas unread, or too much in few, is dropped without an end",
    arguments: [(2000, TaskEvents.Subscription.maximumDeltas + 1), (1 << 20, 9)])
  func slowReader(bytes: Int, count: Int) async throws {
    let rig = try await Self.rig()
    let id = try await rig.submit("coder")
    let claim = try await Self.claim(rig)
    _ = try await rig.store.advance(claim, [Self.start(1)])
    var feed = try await Self.open(rig, id)
    #expect(try await Self.take(4, &feed).last == "step.started")
    let piece = String(repeating: "x", count: bytes)
    for _ in 0..<count { rig.events.publish(Self.delta(id, 1, piece)) }
    #expect(try await Self.take(1, &feed) == ["over"])
    feed.close()
    await rig.file.close()
  }

  @Test("a reply that came in one piece is shown whatever its size")
  func onePiece() async throws {
    let rig = try await Self.rig()
    let id = try await rig.submit("coder")
    _ = try await rig.store.advance(Self.claim(rig), [Self.start(1)])
    var feed = try await Self.open(rig, id)
    #expect(try await Self.take(4, &feed).last == "step.started")
    let piece = String(repeating: "x", count: TaskEvents.Subscription.maximumDeltaBytes + 1)
    rig.events.publish(Self.delta(id, 1, piece))
    #expect(try await Self.take(1, &feed) == ["delta 1.1 \(piece)"])
    feed.close()
    await rig.file.close()
  }

  @Test("who waits for rows alone is neither handed deltas nor woken by them")
  func rowsAlone() async throws {
    let rig = try await Self.rig()
    let id = try await rig.submit("coder")
    let changes = rig.events.changes(of: id)
    defer { changes.cancel() }
    rig.events.publish(Self.delta(id, 1, "x"))
    async let isOver: Void = changes.next(within: .seconds(1), clock: rig.clock)
    // Nothing has woken it, so it sleeps.
    while rig.clock.sleeperCount == 0, !Task.isCancelled { await Task.yield() }
    rig.clock.advance(by: .seconds(1))
    await isOver
    #expect(changes.takeDeltas() == [])
    await rig.file.close()
  }

  @Test("a quiet feed repeats the last number it looked at")
  func heartbeat() async throws {
    let rig = try await Self.rig()
    _ = try await rig.submit("coder")
    var feed = try await Self.open(rig)
    let newest = try await rig.store.eventBounds().newest
    #expect(try await Self.take(1, &feed) == ["position \(newest)"])
    let quiet = feed
    async let item = Self.next(quiet)
    while rig.clock.sleeperCount == 0, !Task.isCancelled { await Task.yield() }
    rig.clock.advance(by: EventFeed.heartbeat)
    #expect(try await item == .position(newest))
    quiet.close()
    await rig.file.close()
  }

  /// The reader's next item, while something that is not for it is told once a second for fifteen seconds.
  private static func beats(
    _ rig: EngineRig, _ feed: EventFeed, each second: @Sendable () -> Void
  ) async throws -> FeedItem? {
    async let item = Self.next(feed)
    for _ in 0..<15 {
      // Cancelled: by the test's time limit, as one that puts its heartbeat off is.
      while rig.clock.sleeperCount == 0, !Task.isCancelled { await Task.yield() }
      second()
      rig.clock.advance(by: .seconds(1))
    }
    return try await item
  }

  @Test("commits without a task, and deltas that a reader is not shown, put no heartbeat off", .timeLimit(.minutes(4)))
  func heartbeatAmongOthers() async throws {
    let rig = try await Self.rig()
    let id = try await rig.submit("coder")
    let newest = try await rig.store.eventBounds().newest
    let tables: [@Sendable () -> Void] = [
      { rig.events.committed(CommitNotice(lastSequence: newest, tasks: [])) },
      { rig.events.publish(Self.delta(id, 1, "of a try whose start it has not seen")) },
      // A row that another reader has long seen.
      { rig.events.committed(CommitNotice(lastSequence: newest, tasks: [id])) },
    ]
    for (number, table) in tables.enumerated() {
      var feed = try await Self.open(rig)
      let start = try await feed.next()
      #expect(try await Self.beats(rig, feed, each: table) == start, "case \(number)")
      feed.close()
    }
    await rig.file.close()
  }

  @Test("deltas alone cost no read of the journal")
  func deltasWithoutReads() async throws {
    let rig = try await Self.rig()
    let id = try await rig.submit("coder")
    let claim = try await Self.claim(rig)
    let counted = CountingReader(rig.store)
    var feed = try await Self.open(rig, id, store: counted)
    _ = try await rig.store.advance(claim, [Self.start(1)])
    #expect(try await Self.take(4, &feed).last == "step.started")
    let before = counted.reads
    for number in 0..<10 {
      rig.events.publish(Self.delta(id, 1, "\(number)"))
      #expect(try await Self.take(1, &feed) == ["delta 1.1 \(number)"])
    }
    // The first one found a look outstanding: the commit of the start woke this reader after it had read that row.
    #expect(counted.reads - before <= 1)
    _ = try await rig.store.advance(claim, [.completed(TaskOutput(text: "ok"))])
    #expect(try await Self.take(3, &feed) == ["task.completed", "end", "over"])
    feed.close()
    await rig.file.close()
  }
}

/// The store's reads, those of the journal's pages counted.
private final class CountingReader: TaskReader {
  private let store: any TaskReader
  private let count = Mutex(0)

  init(_ store: any TaskReader) { self.store = store }

  var reads: Int { count.withLock { $0 } }

  func events(
    after sequence: Int64, of task: TaskID?, limit: Int
  ) async throws(StoreError) -> (page: EventPage, status: TaskStatus?) {
    count.withLock { $0 += 1 }
    return try await store.events(after: sequence, of: task, limit: limit)
  }

  func task(_ id: TaskID) async throws(StoreError) -> AgentTask? { try await store.task(id) }
  func tasks(_ query: TaskQuery) async throws(StoreError) -> Page<AgentTask> { try await store.tasks(query) }
  func journal(of id: TaskID) async throws(StoreError) -> [JournalEntry] { try await store.journal(of: id) }
  func eventBounds() async throws(StoreError) -> (newest: Int64, highestDeleted: Int64) {
    try await store.eventBounds()
  }
  func counts() -> TaskCounts { store.counts() }
}
