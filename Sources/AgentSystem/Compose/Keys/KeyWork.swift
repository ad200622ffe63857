import AgentCore
import AgentPersistence
import AgentRuntime

/// What the running service does about keys: the verbs, and the pass that they start.
struct KeyWork: Sendable {
  let desk: KeyDesk
  let service: KeyService
  private let wakeup: Wakeup

  init(_ keys: OpenKeys, file: StoreFile, sealing: StoreSealing, clock: any WallClock, log: any ServiceLog) {
    let (wakeup, pass) = (Wakeup(), SealingPass(file: file, sealing: sealing, clock: clock))
    desk = KeyDesk(keys, clock: clock, log: log, progress: { pass.progress() }, onNewKey: { wakeup.wake() })
    service = KeyService(desk: desk, sealAnew: { await pass.run() }, wakeup: wakeup, clock: clock, log: log)
    self.wakeup = wakeup
  }

  /// Another list of names is in force: rows of before may hold some in clear.
  func listChanged() { wakeup.wake() }
}
