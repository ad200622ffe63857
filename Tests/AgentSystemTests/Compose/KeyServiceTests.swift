import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Synchronization
import Testing
import Vault

@testable import AgentSystem

@Suite("The keys while the service lives", .timeLimit(.minutes(1)))
struct KeyServiceTests {
  @Test("a key past its days gets a successor, though the pass beside it rests without end")
  func limits() async throws {
    let folder = try TemporaryFolder("keys")
    let (clock, random) = (ManualClock(), SeededRandom(seed: 7))
    let places = MasterKeyPlaces(file: folder.appending("keys/master.key"))
    let composition = try KeyComposition(dataFolder: folder.path, places: places, random: random)
    var options = StoreOptions(folder: folder.path, clock: clock, random: random)
    options.keyCheck = composition.check
    let file = try StoreFile.open(options)
    let keys = try await composition.open(file, log: NoLog())
    let first = keys.ring.activeFieldKey
    let (begun, made, never) = (Wakeup(), Wakeup(), Wakeup())
    let desk = KeyDesk(keys, clock: clock, log: NoLog(), onNewKey: { made.wake() })
    let service = KeyService(
      desk: desk,
      sealAnew: {
        begun.wake()
        await never.wait()
      }, wakeup: Wakeup(), clock: clock, log: NoLog())
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await service.run() }
      await begun.wait()
      while clock.sleeperCount == 0 { await Task.yield() }
      #expect(keys.ring.activeFieldKey == first)
      clock.advance(by: .seconds(KeyRing.rotatedDays * 86_400))
      await made.wait()
      #expect(keys.ring.activeFieldKey != first)
      group.cancelAll()
    }
    await file.close()
  }
}
