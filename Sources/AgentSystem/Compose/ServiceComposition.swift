import AgentAPI
import AgentCore
import AgentObservability
import AgentPersistence
import AgentRuntime
import AgentTools
import Foundation
import HTTPTransport
import InProcessCache
import LLMProviders
import Logging
import ServiceLifecycle
import UnixSignals
import Vault

/// The only place that builds live things: opens the store, recovers, joins the parts, and runs them to the end.
struct ServiceComposition {
  let settings: ServiceSettings
  let hangups: UnixSignalsSequence
  let unit: UnitLink
  let clock = SystemClock()
  let random = SystemRandom()
  let log: LogFile
  let policies: PoliciesInForce

  /// `hangups`: the SIGHUPs since the process began, to be acted on once it serves.
  init(_ settings: ServiceSettings, hangups: UnixSignalsSequence, unit: UnitLink) {
    (self.settings, self.hangups, self.unit) = (settings, hangups, unit)
    policies = PoliciesInForce(settings.configuration)
    let wanted = settings.configuration.server.log
    log = LogFile(
      clock: clock,
      options: LogFile.Options(
        folder: settings.logFolder, format: wanted.format == .json ? .json : .text, maximumBytes: wanted.maximumBytes,
        keep: wanted.keep),
      level: wanted.level.loggerLevel)
  }

  /// Serves until SIGTERM or SIGINT; `announce` is told each address that takes connections.
  func run(announce: @escaping @Sendable (BoundAddress) -> Void) async throws(StartFailure) {
    let journalLog = ServiceJournalLog(file: log)
    if let problem = log.problem { journalLog.record(.warning, "log", "app.log cannot be written: \(problem)", [:]) }
    let events = TaskEvents()
    let keys = try keyComposition()
    let file = try openStore(keys.check, events: events, log: journalLog)
    do throws(StartFailure) {
      try await serve(file: file, keys: keys, events: events, log: journalLog, announce: announce)
    } catch {
      await file.close()
      throw error
    }
    await file.close()
  }

  private func keyComposition() throws(StartFailure) -> KeyComposition {
    KeyEnvironment.hideMemory()
    let server = settings.configuration.server
    do throws(VaultError) {
      return try KeyComposition(
        dataFolder: server.data,
        places: settings.keys.places(dataFolder: server.data, masterFile: server.masterKeyFile),
        random: random)
    } catch {
      throw StartFailure(describing: error)
    }
  }

  private func openStore(
    _ keyCheck: StoreKeyCheck, events: TaskEvents, log: ServiceJournalLog
  ) throws(StartFailure) -> StoreFile {
    let folder = settings.configuration.server.data
    var options = StoreOptions(
      folder: folder, clock: clock, random: random, faults: Self.faults,
      onCommit: { notice in
        events.committed(notice)
        for move in notice.moves { log.record(move) }
      }, log: { log.record(LogLevel($0), "store", $1, [:]) })
    options.keyCheck = keyCheck
    do throws(StoreStartError) {
      return try StoreFile.open(options)
    } catch {
      throw StartFailure(error.word, error.detail, exit: error.exitCode == 78 ? .configuration : .failed)
    }
  }

  private func serve(
    file: StoreFile, keys: KeyComposition, events: TaskEvents, log: ServiceJournalLog,
    announce: @escaping @Sendable (BoundAddress) -> Void
  ) async throws(StartFailure) {
    do {
      let open = try await keys.open(file, log: log)
      let digester = try open.ring.digester
      let sealing = StoreSealing(ring: open.ring, policy: policies.sensitive)
      let store = try await SQLiteTaskStore(file: file, clock: clock, digester: digester, sealing: sealing)
      let recovery = try await store.beginEpoch()
      log.record(
        .info, "recovery", "the store is open",
        [
          "epoch": "\(recovery.epoch)", "requeued": "\(recovery.requeued)", "waiting": "\(recovery.waiting)",
          "failed": "\(recovery.failed)", "cancelled": "\(recovery.cancelled)",
        ])
      let server = settings.configuration.server
      let transfers = Self.transfers(workers: server.workers)
      let (transport, providerTransport) = (
        try CurlTransport(maximumTransfers: transfers), try CurlTransport(maximumTransfers: transfers)
      )
      let listeners = BoundListeners(
        configured: server.listen, expected: server.listen.count + (settings.socket == nil ? 0 : 1))
      let providers = try await ProviderComposition(
        clock: clock, random: random, log: log, store: store, transport: providerTransport,
        isSandbox: settings.isSandbox, sensitive: policies.sensitive
      ).directory(settings.configuration.providers)
      note(settings, whileDefault: providers.defaultID, log)
      let parts = try engineParts(
        store: store, providers: providers, reserve: file.options.limits.reservedBytes,
        clock: StoreClock(file: file, machine: clock),
        events: events, digester: digester, log: log, transport: transport, listeners: listeners)
      try await OrphanWorkspaces.remove(from: parts.workspaces, store: parts.store)
      try await runServices(
        parts, providers: providers, refused: recovery.refused, file: file, listeners: listeners,
        keys: KeyWork(open, file: file, sealing: sealing, clock: clock, log: log), announce: announce)
      transport.shutdown()
      providerTransport.shutdown()
    } catch {
      throw StartFailure(describing: error)
    }
  }

  /// For each of the transports: a worker has one call at a time, and there is room for tests of providers and for calls
  /// that are being let go of.
  static func transfers(workers: Int) -> Int { max(CurlTransport.defaultMaximumTransfers, workers + 256) }

  /// What the configuration has to say: once it is known who answers, which a stored switch may have changed.
  private func note(_ settings: ServiceSettings, whileDefault id: ProviderID, _ log: ServiceJournalLog) {
    if let note = settings.offlineNote(whileDefault: id) { log.record(.info, "config", note, [:]) }
    for warning in settings.configuration.warnings(whileDefault: id) {
      log.record(.warning, "config", warning.description, [:])
    }
  }

  private func engineParts(
    store: SQLiteTaskStore, providers: ProviderDirectory, reserve: Int64, clock: StoreClock, events: TaskEvents,
    digester: DigestKey,
    log: ServiceJournalLog,
    transport: CurlTransport, listeners: BoundListeners
  ) throws -> EngineParts {
    let server = settings.configuration.server
    let work = BlockingWork()
    let disk = DiskReserve(folder: server.data, bytes: reserve)
    let workspaces = try Workspaces(
      root: server.data + "/workspaces", allowedRoots: server.workspaceRoots, protected: settings.protectedPaths,
      reserve: disk, work: work)
    if let problem = workspaces.problem {
      log.record(.warning, "tools", "\(problem.code.rawValue): \(problem.detail); the file tools are off", [:])
    }
    for problem in workspaces.rootProblems {
      log.record(.warning, "tools", "\(problem.code.rawValue): \(problem.detail)", [:])
    }
    let tools: [any AgentTool] =
      FileToolbox(digester: digester, reserve: disk, work: work).tools
      + [HTTPRequestTool(transport: transport) { listeners.socketAddresses }]
    return EngineParts(
      store: store, providers: providers, tools: ToolRegistry(tools: tools),
      workspaces: TaskWorkspaces(workspaces), events: events, clock: clock, random: random,
      digester: digester,
      faults: Self.faults, log: log, rights: policies.agent, sensitive: policies.sensitive)
  }

  private func runServices(
    _ parts: EngineParts, providers: ProviderDirectory, refused: [ProviderID: [TaskID]], file: StoreFile,
    listeners: BoundListeners,
    keys: KeyWork, announce: @escaping @Sendable (BoundAddress) -> Void
  ) async throws {
    let server = settings.configuration.server
    let agents = AgentDirectory(settings.configuration.agents)
    await GoneAgents.forget(in: parts.store, configured: agents, log: parts.log)
    let engine = Dispatcher(parts: parts, agents: agents, options: Dispatcher.Options(workers: server.workers))
    // Weak: the engine holds the providers.
    providers.onVacancy { [weak engine] tasks in engine?.hasten(tasks) }
    providers.remember(refused)
    parts.events.onEnded { providers.forget($0) }
    let answers = ExpiringCache<String, [UInt8]>(
      capacity: APIServices.answerCapacity, lifetime: APIServices.answerLifetime, clock: clock)
    let configuring = ConfigurationComposition(
      settings: settings, parts: parts, agents: agents, engine: engine, log: self.log, policies: policies,
      unit: unit)
    let configuration = configuring.inForce(
      replaceProviders: {
        await providers.replace($0)
        return providers.defaultID
      }, onSensitiveFieldsChanged: { keys.listChanged() })
    let services = APIServices(
      tasks: TaskService(
        store: parts.store, workspaces: parts.workspaces, agents: agents, events: parts.events, engine: engine,
        clock: clock, digester: parts.digester, log: parts.log, sensitive: parts.sensitive,
        options: TaskService.Options(maximumUnfinished: Int(server.maximumPending))),
      agents: AgentService(
        store: parts.store, agents: agents, engine: engine, log: parts.log,
        reread: { id throws(ServiceError) in try await configuration.renew(id) }),
      providers: providers,
      maintenance: Maintenance(store: parts.store, workspaces: parts.workspaces, clock: parts.clock),
      reader: parts.store,
      events: parts.events, workspaces: parts.workspaces,
      health: health(store: parts.store, file: file, engine: engine, answers: answers), answers: answers, clock: clock,
      random: random, configuration: configuring.board(configuration), keys: keys.desk.board)
    let api = APIServer(options: apiOptions, services: services, logger: log.logger("api"))
    let watch = UnitComposition(
      link: unit, store: parts.store, file: file, engine: engine, listeners: listeners, clock: clock, log: parts.log)
    let (told, stopping, listening) = try watch.services()
    let bound = api.listeners { address, place in
      let all = listeners.add(address, at: place)
      for address in all { announce(address) }
      if !all.isEmpty { listening.wake() }
    }
    let signals = SignalService(
      log: log, journalLog: parts.log, engine: engine, clock: clock, hangups: hangups,
      reload: {
        // Refused: the log has said so, line by line.
        _ = try? await configuring.reload(configuration, by: .system)
      })
    var group = ServiceGroupConfiguration(
      services: ([signals, told] + bound + [keys.service, EngineService(engine: engine), stopping]).map {
        .init(
          service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
          // A listener that cannot listen: work in hand is put back as at any other stop, then its error ends the process.
          failureTerminationBehavior: .gracefullyShutdownGroup)
      },
      gracefulShutdownSignals: [.sigterm, .sigint], logger: log.logger("service"))
    group.maximumGracefulShutdownDuration = Self.longestShutdown
    try await ServiceGroup(configuration: group).run()
  }

  /// The steps' grace, the cut after it, and what storage needs to take the last results.
  private static let longestShutdown: Duration = .seconds(40)

  private var apiOptions: APIOptions {
    let server = settings.configuration.server
    return APIOptions(
      binds: server.listen.map { APIOptions.Bind(host: $0.host, port: $0.port) }, socket: settings.socket,
      local: policies.local, allowedHosts: server.allowedHosts,
      serviceUser: geteuid(), adminGroup: getgrnam(APIOptions.groupName)?.pointee.gr_gid)
  }

  private func health(
    store: any TaskStore, file: StoreFile, engine: Dispatcher,
    answers: ExpiringCache<String, [UInt8]>
  ) -> HealthBoard {
    HealthBoard(
      version: ProductVersion.current,
      database: SharedProbe(clock: clock) { () async throws(StoreError) in try await store.probe() },
      checks: [
        HealthBoard.Check("disk") {
          file.freeBytes < file.options.limits.reservedBytes
            ? "disk_full: \(file.freeBytes) bytes are free, and the reserve is kept for work in hand" : nil
        },
        HealthBoard.Check("journal_writer") { file.condition?.code.rawValue },
        HealthBoard.Check("clock") {
          file.isClockBehind ? "clock_behind: the clock is more than five minutes behind the last commit" : nil
        },
      ],
      cache: { HealthBoard.probe(answers) },
      unreadiness: { engine.isAlive ? nil : "starting or shutting down: no task is being claimed" }, clock: clock,
      startedAt: clock.uptime())
  }

  private static var faults: any FaultInjector {
    #if DEBUG
    let environment = ProcessInfo.processInfo.environment
    if let path = environment["AGENT_SYSTEM_FAULT_FILE"] {
      return FileFaults(path: path, bug: environment["AGENT_SYSTEM_BUG"])
    }
    #endif
    return NoFaults()
  }
}

extension LogLevel {
  init(_ level: StoreLogLevel) {
    switch level {
    case .debug: self = .debug
    case .info: self = .info
    case .warning: self = .warning
    case .error: self = .error
    }
  }
}

extension StartFailure {
  /// Every error that can end the service, as one line.
  fileprivate init(describing error: any Error) {
    switch error {
    case let error as StartFailure: self = error
    case let error as APIServerError: self.init(error.code, error.detail)
    case let error as StoreError: self.init(error.code.rawValue, error.detail)
    case let error as VaultError: self.init(error.code, "\(error)", exit: .configuration)
    case let error as WorkspaceError: self.init(error.code.rawValue, error.detail)
    case let error as Failure: self.init(error.code, error.detail)
    case let error as TransportError: self.init(error.code.rawValue, error.detail)
    case let error as ProviderError: self.init(error.code.rawValue, error.detail, exit: .configuration)
    default: self.init("start_failed", "\(error)")
    }
  }
}
