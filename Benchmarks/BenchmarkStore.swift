import AgentCore
import AgentPersistence
import CPlatform
import Foundation
import Vault

/// A store on a file of its own, opened as the service opens it, and short forms for what the benchmarks do all the
/// time.
final class BenchmarkStore: Sendable {
  static let coder = AgentDefinition(id: "coder", instructions: "Write code.", tools: ["file.read", "file.write"])
  static let writer = AgentDefinition(id: "writer", instructions: "Write prose.", tools: ["file.read"])

  let path: String
  let file: StoreFile
  let store: SQLiteTaskStore
  let sealing: StoreSealing

  /// - Parameter path: a folder that is made, and must not be there yet.
  init(_ path: String) async throws {
    self.path = path
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let clock = MachineClock()
    file = try StoreFile.open(StoreOptions(folder: path, clock: clock, random: SystemRandom()))
    let master = try MasterKey(randomIn: KeyBlock())
    let rows = try KeyRing.firstRows(
      master: master, installation: file.installation, digestKey: nil, at: clock.now())
    try await KeyRingStore(file: file).insertFirst(rows)
    let ring = try KeyRing(rows: rows, master: master, installation: file.installation)
    sealing = StoreSealing(ring: ring, policy: SensitivePolicy())
    store = try await SQLiteTaskStore(file: file, clock: clock, digester: ring.digester, sealing: sealing)
    _ = try await store.beginEpoch()
  }

  /// Closes the file and deletes the folder.
  func remove() async throws {
    await file.close()
    try FileManager.default.removeItem(atPath: path)
  }

  /// Stores a task of some 200 bytes of input.
  @discardableResult
  func submit(
    agent: AgentID = "coder", by owner: Principal = .local, labels: [String: String] = [:],
    input: JSONValue = BenchmarkStore.input
  ) async throws(StoreError) -> TaskID {
    guard let id = try store.drawTaskIDs(count: 1).first else { throw StoreError(.notFound, "no number was drawn") }
    let task = NewTask(id: id, agent: agent, input: input, labels: labels)
    _ = try await store.submit([task], key: nil, maximumUnfinished: .max, by: owner)
    return id
  }

  static let input: JSONValue = .string(prompt)
  static let prompt = String(repeating: "Read the sources, find what is slow, and say why. ", count: 4)

  func claim(_ places: Int, agents: [AgentDefinition] = [coder]) async throws(StoreError) -> [ClaimedTask] {
    try await store.claim(
      ClaimRequest(
        rooms: agents.map { ClaimRequest.Room(agent: $0, places: places) }, places: places, quarantineIsFree: true))
  }

  /// The third closure of a life: one model call and the end, in one commit.
  func finish(_ claimed: ClaimedTask) async throws(StoreError) {
    let usage = ModelUsage(inputTokens: 120, outputTokens: 40)
    _ = try await store.advance(
      claimed.claim,
      [
        .stepStarted(
          StepStart(
            number: 1, kind: .modelCall, name: "sandbox", effect: .pure, input: ["temperature": 0],
            inputHash: Self.hash, reservedTokens: 4096)),
        .stepEnded(
          StepEnd(number: 1, outcome: .finished(output: ["text": "It is slow."], resultHash: Self.hash), usage: usage)),
        .completed(TaskOutput(text: "It is slow.")),
      ])
  }

  private static let hash = String(repeating: "0123456789abcdef", count: 4)
}

/// The machine's own clocks.
private struct MachineClock: WallClock {
  func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  func uptime() -> Duration { .nanoseconds(cplatform_boottime_nanoseconds()) }

  func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
