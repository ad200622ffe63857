import AgentCore
import AgentTestKit
import Foundation
import HTTPTransport

/// One data folder over many lives of the process, each ended by a kill and looked over at the next start.
final class CrashRig {
  enum Kill: Hashable {
    /// SIGKILL from outside, after a number of events that the seed draws.
    case random
    /// From inside, at the fault point.
    case at(FaultPoint)
  }

  /// Tasks that must be running at a kill, each with a step finished in that life, for it to count.
  static let runningAtKill = 16
  /// Unfinished jobs of the big agent at the start of each life: its places and some that queue.
  private static let unfinished = 30
  /// Jobs that the script of a life foresees beyond those.
  private static let upcoming: [CrashJob.Kind: Int] = [.files: 40, .net: 40, .limit: 12, .error: 24, .spare: 1]
  /// Events after the arming until a fault point must have been reached: some ten seconds.
  private static let patience = 3000
  /// Pieces of the stream in a row without an event, heartbeats most likely: this life will not get anywhere.
  private static let heartbeatsWithoutEvent = 3
  /// Each so many events the client does something.
  private static let eventsPerVerb = 7
  /// Lives in which a job's provider gives it trouble. Twelve refusals end a task, and the script tells each life anew.
  private static let livesOfTrouble = 4
  /// Lives between two comparisons of the whole stream; in between, what is new is compared.
  private static let livesPerWholeStream = 8

  let seed: UInt64
  /// Kills that counted.
  private(set) var kills: [Kill: Int] = [:]
  private(set) var lives = 0
  private(set) var complaints: [String] = []

  private let folder: TemporaryFolder
  private let recorder: EffectRecorder
  private let undisturbed: [CrashJob.Kind: CrashOutcome]
  private let random: SeededRandom
  private let environment: [String: String]
  private let binary: URL
  private let provider: CrashProvider
  private let ledger = CrashLedger()
  private var nextJob = 1
  private var memory = InvariantCheck.Memory()
  private var calls = CallLog()
  private var comparedUpTo = 0
  private var settled: Set<Int> = []
  /// By job: lives that have begun with it open.
  private var livesOpen: [Int: Int] = [:]

  init(
    seed: UInt64, undisturbed: [CrashJob.Kind: CrashOutcome], environment: [String: String] = [:],
    binary: URL = ServiceProcess.binary, provider: CrashProvider = .sandbox
  ) throws {
    folder = try TemporaryFolder("crash")
    recorder = try EffectRecorder(in: folder)
    random = SeededRandom(seed: seed)
    (self.seed, self.undisturbed, self.environment, self.binary) = (seed, undisturbed, environment, binary)
    self.provider = provider
  }

  private var faultFile: String { folder.appending("fault") }

  // MARK: lives

  /// One life up to its kill; true when the kill counts.
  @discardableResult
  func life(endedBy kill: Kill) async throws -> Bool {
    let (service, store) = try await begin()
    guard complaints.isEmpty else {
      // A broken store may never do anything again that could be waited for.
      await service.killed()
      return false
    }
    ledger.change { $0.isSpareLeftDisabled = $0.isSpareDisabled == true }
    try await topUp(service, store)
    let wasForced = try await live(service, from: store, until: kill)
    let status = await service.exit()
    if status != -SIGKILL { complaints.append("life \(lives) ended by itself: \(status) \(service.standardError)") }
    let dead = try StoreWitness.ofTheDead(data: service.data, scratch: folder.appending("dead"))
    checkSpare(dead, since: store.lastSequence)
    let progressed = Set(
      dead.events.lazy.filter { $0.sequence > store.lastSequence && $0.type == "step.finished" }.map(\.task))
    let count = dead.tasks.count { $0.status == "running" && progressed.contains($0.id) }
    let counts = wasForced && count >= Self.runningAtKill
    if counts { kills[kill, default: 0] += 1 }
    return counts
  }

  /// I15: a disabled agent's tasks are not begun, with one of them always waiting to be.
  private func checkSpare(_ dead: StoreWitness, since start: Int) {
    let state = ledger.now
    guard state.isSpareLeftDisabled else { return }
    let tasks = Set(state.jobs.filter { $0.kind == .spare }.compactMap { state.ids[$0.number] })
    complaints += dead.events.filter {
      $0.sequence > start && $0.type == "task.started" && tasks.contains("task-\($0.task)")
    }.map { "life \(lives), I15: task-\($0.task) was begun while its agent was disabled" }
  }

  /// The last life: everything comes to its end, and all of it is looked at once more.
  func finish() async throws {
    let (service, _) = try await begin(wholeStream: true)
    let client = client(service)
    if ledger.now.isSpareDisabled != false {
      ledger.change { $0.isSpareDisabled = true }
      try await client.toggleSpare()
    }
    try await awaitEnds(service, client)
    try await compareOutcomes(try StoreWitness(path: service.data + "/agent.db"), service)
    let store = try look(service)
    try await check(service, store, wholeStream: true)
    complaints += store.tasks.filter { !TransitionReplay.ends.contains($0.status) }.map {
      "I17: nothing ended task-\($0.id), which is \($0.status) \($0.waitReason)"
    }
    service.signal(SIGTERM)
    let status = await service.exit()
    if status != 0 { complaints.append("the last life ended with \(status): \(service.standardError)") }
  }

  /// Each round waits for the service; a job that has not ended after all of them is a complaint later. One that has is
  /// not asked for again: nobody makes it go on any more, and looking at the whole store each time would cost minutes.
  private func awaitEnds(_ service: ServiceProcess, _ client: CrashClient) async throws {
    var open = ledger.now.ids.filter { !settled.contains($0.key) }.sorted { $0.key < $1.key }
    for _ in 0..<600 where !open.isEmpty {
      print("crash test: the last life: \(open.count) jobs are open")
      try await client.resolveDoubts(recorder)
      while let (_, id) = open.first {
        let task = try await service.send("GET", "/api/tasks/\(id)?wait=2s").json
        guard task["finished_at"]?.isNull == false else { break }
        open.removeFirst()
      }
    }
  }

  private func client(_ service: ServiceProcess) -> CrashClient {
    CrashClient(service: service, ledger: ledger, random: random)
  }

  /// Starts on the folder, waits until it is ready, and looks everything over.
  private func begin(wholeStream: Bool = false) async throws -> (ServiceProcess, StoreWitness) {
    lives += 1
    try Data().write(to: URL(fileURLWithPath: faultFile), options: .atomic)
    // Absent unless a fault point was reached in the life before.
    try? FileManager.default.removeItem(atPath: faultFile + ".reached")
    foresee()
    let state = ledger.now
    let live = state.jobs.filter { !settled.contains($0.number) }.map { job in
      livesOpen[job.number, default: 0] += 1
      var job = job
      job.hasTrouble = livesOpen[job.number, default: 0] <= Self.livesOfTrouble
      return job
    }
    let service = try await ServiceProcess.serve(
      in: folder, files: provider.files(jobs: live + state.upcoming, port: recorder.port),
      environment: environment.merging(["AGENT_SYSTEM_FAULT_FILE": faultFile]) { _, own in own }, binary: binary)
    let store = try look(service)
    try await check(service, store, wholeStream: wholeStream || lives % Self.livesPerWholeStream == 0)
    return (service, store)
  }

  /// The script is read at the start, so the jobs that may be asked for in this life are named before it.
  private func foresee() {
    let upcoming = ledger.now.upcoming
    for kind in CrashJob.Kind.allCases {
      let missing = (Self.upcoming[kind] ?? 0) - upcoming.count { $0.kind == kind }
      for _ in 0..<max(0, missing) {
        let job = CrashJob(number: nextJob, kind: kind)
        ledger.change { $0.upcoming.append(job) }
        nextJob += 1
      }
    }
  }

  /// Asks again for what nobody knows the fate of, settles doubts, and fills the queue.
  private func topUp(_ service: ServiceProcess, _ store: StoreWitness) async throws {
    let client = client(service)
    try await client.resolveDoubts(recorder)
    let state = ledger.now
    for job in state.jobs where state.ids[job.number] == nil { try await client.ask(job) }
    if state.isSpareDisabled == nil {
      ledger.change { $0.isSpareDisabled = true }
      try await client.toggleSpare()
    }
    let open = state.jobs.count { ["crew"].contains($0.agent) && !settled.contains($0.number) }
    if !state.jobs.contains(where: { $0.kind == .spare && !settled.contains($0.number) }) {
      try await client.create(.spare)
    }
    for index in 0..<max(0, Self.unfinished - open) { try await client.create(index % 2 == 0 ? .files : .net) }
  }

  /// Follows the events until the process is dead. True when it died as it was meant to.
  private func live(_ service: ServiceProcess, from store: StoreWitness, until kill: Kill) async throws -> Bool {
    var request = HTTPExchange.Request(
      url: "http://localhost/api/events?after=\(store.lastSequence)", timeouts: .init(idle: nil, total: nil),
      maximumResponseBytes: nil)
    request.unixSocketPath = service.socket
    let body = try await service.transport.stream(request).body
    let client = client(service)
    var life = CrashLife(running: store.tasks.filter { $0.status == "running" }.map { "task-\($0.id)" })
    var end: Int?
    var verbs = 0
    var (before, quiet) = (0, 0)
    await withDiscardingTaskGroup { group in
      do {
        for try await bytes in body {
          try life.take(bytes)
          if end == nil, life.withFinishedStep > Self.runningAtKill { end = life.eventCount + arm(kill) }
          quiet = life.eventCount == before ? quiet + 1 : 0
          before = life.eventCount
          if quiet > Self.heartbeatsWithoutEvent { service.signal(SIGKILL) }
          guard let end else { continue }
          if life.eventCount >= end { service.signal(SIGKILL) }
          if life.eventCount / Self.eventsPerVerb > verbs {
            verbs = life.eventCount / Self.eventsPerVerb
            let now = life
            group.addTask {
              // What the death of the service cuts is in the ledger as not known.
              try? await client.act(kill, in: now)
            }
          }
        }
      } catch {
        // The stream ends with the process.
      }
      if end == nil || service.isRunning { service.signal(SIGKILL) }
    }
    guard case .at(let point) = kill else { return end != nil }
    let reached = FileManager.default.contents(atPath: faultFile + ".reached") ?? Data()
    return String(decoding: reached, as: UTF8.self).hasPrefix("\(point)\n")
  }

  /// From here on the kill may come. Returns after how many more events it comes from outside.
  private func arm(_ kill: Kill) -> Int {
    guard case .at(let point) = kill else { return Int(random.next() % 80) }
    // When the file cannot be written the point is not reached, and the kill does not count.
    try? Data("\(point)".utf8).write(to: URL(fileURLWithPath: faultFile), options: .atomic)
    return Self.patience
  }

  // MARK: looking

  /// The provider's log first: a call that it answers later may have no row in what is read here.
  private func look(_ service: ServiceProcess) throws -> StoreWitness {
    try calls.look(provider, configuration: service.configuration, ids: ledger.now.ids)
    return try StoreWitness(path: service.data + "/agent.db")
  }

  private func check(_ service: ServiceProcess, _ store: StoreWitness, wholeStream: Bool) async throws {
    let state = ledger.now
    let seen = InvariantCheck(store: store, ledger: state, effects: try recorder.effects(), calls: calls.counts)
      .complaints(&memory)
    ledger.change { $0.complaints = [] }
    let asked = try await ReadyCheck(service: service, store: store, ledger: state)
      .complaints(streamAfter: wholeStream ? 0 : comparedUpTo)
    comparedUpTo = store.lastSequence
    complaints += (seen + asked).map { "life \(lives), \($0)" }
    try await compareOutcomes(store, service)
  }

  /// I8: of each job that has ended since the last look.
  private func compareOutcomes(_ store: StoreWitness, _ service: ServiceProcess) async throws {
    let statuses = Dictionary(store.tasks.map { ("task-\($0.id)", $0.status) }, uniquingKeysWith: { _, last in last })
    let state = ledger.now
    for job in state.jobs where !settled.contains(job.number) {
      guard let id = state.ids[job.number], let status = statuses[id], TransitionReplay.ends.contains(status) else {
        continue
      }
      // A cancelled one may be asked to go again in this life; then its script must still be there.
      if status == "cancelled", !state.cancelled.contains(id) { continue }
      settled.insert(job.number)
      ledger.change { $0.settled += 1 }
      guard status != "cancelled" else { continue }
      let task = try await service.send("GET", "/api/tasks/\(id)").json
      let outcome = CrashOutcome(task: task, workspace: "\(service.data)/workspaces/\(id)")
      let code = task["error"]?["code"]?.stringValue
      if status == "completed", outcome != undisturbed[job.kind] {
        complaints.append(
          "life \(lives), I8: \(id) (\(job.kind)) ended otherwise than undisturbed: \(outcome.output.text)")
      } else if status == "failed", code != "crashed_repeatedly", code != "step_in_doubt" {
        complaints.append("life \(lives), I8: \(id) (\(job.kind)) failed: \(task["error"]?.text ?? "")")
      }
    }
  }
}

extension CrashClient {
  fileprivate func act(_ kill: CrashRig.Kill, in life: CrashLife) async throws {
    switch kill {
    case .random: try await anything(in: life)
    case .at(let point): try await provoke(point.cell, in: life)
    }
  }
}
