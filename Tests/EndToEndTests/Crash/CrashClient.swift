import AgentCore
import AgentTestKit
import HTTPTransport

/// The verbs as a caller uses them, each noted in the ledger as it was answered. An exchange that the service's death
/// cut throws, and leaves in the ledger that nobody knows.
struct CrashClient: Sendable {
  let service: ServiceProcess
  let ledger: CrashLedger
  let random: SeededRandom

  /// Jobs under way: their rules and those of the ones foreseen fit into one script, on a machine however slow.
  private static let mostOpen = 150

  /// Asks for the next job of that kind, one time in four twice over.
  func create(_ kind: CrashJob.Kind) async throws {
    let next = ledger.change { state -> CrashJob? in
      guard state.jobs.count - state.settled < Self.mostOpen else { return nil }
      guard let index = state.upcoming.firstIndex(where: { $0.kind == kind }) else { return nil }
      let job = state.upcoming.remove(at: index)
      state.jobs.append(job)
      return job
    }
    guard let next else { return }
    try await ask(next)
    if random.next() % 4 == 0 {
      try await ask(next)
      ledger.change { $0.repeatedKeys += 1 }
    }
  }

  /// With the job's key, so that it may be asked any number of times.
  func ask(_ job: CrashJob) async throws {
    let answer = try await service.send("POST", "/api/tasks", job.order, headers: [("Idempotency-Key", job.key)])
    if answer.status == 201, let id = answer.json["id"]?.stringValue {
      ledger.acknowledge(job, id: id)
    } else if answer.json["code"]?.stringValue != "idempotency_in_flight" {
      ledger.complain("\(job.key): \(answer.status) \(answer.text)")
    }
  }

  func cancel(_ id: String) async throws {
    let answer = try await service.send("DELETE", "/api/tasks/\(id)")
    switch answer.status {
    case 200, 202: ledger.change { _ = $0.cancelled.insert(id) }
    case 409: break
    default: ledger.complain("cancel of \(id): \(answer.status) \(answer.text)")
    }
  }

  /// Of a cancelled task: it may go on from now on, whether the answer comes or not.
  func retry(_ id: String) async throws {
    let wasCancelled = ledger.change { state -> Bool in
      state.retries[id, default: 0] += 1
      return state.cancelled.remove(id) != nil
    }
    let answer = try await service.send("POST", "/api/tasks/\(id)/retry")
    if answer.status == 409 {
      ledger.change { state in if wasCancelled { state.cancelled.insert(id) } }
    } else if answer.status != 200 {
      ledger.complain("retry of \(id): \(answer.status) \(answer.text)")
    }
  }

  func restart(_ agent: String) async throws {
    let answer = try await service.send("POST", "/api/agents/\(agent)/restart")
    if answer.status != 200 { ledger.complain("restart of \(agent): \(answer.status) \(answer.text)") }
  }

  /// Disables the spare agent, or enables it again.
  func toggleSpare() async throws {
    let wish = ledger.change { state -> Bool? in
      state.isSpareLeftDisabled = false
      defer { state.isSpareDisabled = nil }
      return state.isSpareDisabled.map { !$0 }
    }
    // Nil: another one is under way, or a life ended in the middle of one.
    guard let wish else { return }
    let answer = try await service.send("POST", "/api/agents/spare/\(wish ? "disable" : "enable")")
    ledger.change { $0.isSpareDisabled = answer.status == 200 ? wish : nil }
  }

  /// Settles each step in doubt as somebody would who looks at the recorder first: what was sent is never sent again.
  func resolveDoubts(_ recorder: EffectRecorder) async throws {
    let waiting = try await service.send("GET", "/api/tasks?status=waiting&limit=500").json["data"]?.arrayValue ?? []
    let sent = Set(try recorder.effects().map(\.path))
    for task in waiting where task["waiting"]?["reason"] == "step_in_doubt" {
      guard let id = task["id"]?.stringValue, let step = task["waiting"]?["step"]?.integerValue else { continue }
      let input = try await service.send("GET", "/api/tasks/\(id)/steps/\(step)").json["input"]
      let url = input?["arguments"]?["url"]?.stringValue ?? ""
      let wasSent = sent.contains { url.hasSuffix($0) }
      let isGivenUp = random.next() % 8 == 0
      let body: JSONValue =
        isGivenUp
        ? ["action": "fail"]
        : wasSent ? ["action": "finished", "output": ["text": "recorded"]] : ["action": "retry"]
      let answer = try await service.send("POST", "/api/tasks/\(id)/steps/\(step):resolve", body)
      if answer.status != 200 { ledger.complain("resolve of \(id)/\(step): \(answer.status) \(answer.text)") }
    }
  }

  /// What the cell is about, done once; for cells that come by themselves, more work.
  func provoke(_ cell: FaultPoint.Cell, in life: CrashLife) async throws {
    switch cell {
    case .modelCall, .pure, .idempotent: try await create(.files)
    case .once, .claim, .create: try await create(.net)
    case .wait: try await create(.limit)
    case .retry: try await create(.error)
    case .cancel: if let id = pick(Array(life.running.keys)) { try await cancel(id) }
    case .restart: try await restart("rough")
    }
  }

  /// Any of the verbs.
  func anything(in life: CrashLife) async throws {
    switch random.next() % 10 {
    case 0...2: try await create(.files)
    case 3...4: try await create(.net)
    case 5: if let id = pick(Array(life.running.keys)) { try await cancel(id) }
    case 6: if let id = pick(life.cancelled) { try await retry(id) }
    case 7: try await create(random.next() % 2 == 0 ? .error : .limit)
    case 8: try await toggleSpare()
    default: try await restart("rough")
    }
  }

  private func pick(_ ids: [String]) -> String? {
    ids.isEmpty ? nil : ids.sorted()[Int(random.next() % UInt64(ids.count))]
  }
}
