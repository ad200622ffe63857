import AgentCore
import AgentRuntime
import InProcessCache
import LLMProviders

/// Everything that routes call.
package struct APIServices: Sendable {
  package var tasks: TaskService
  package var agents: AgentService
  package var providers: ProviderDirectory
  package var maintenance: Maintenance
  /// For event streams.
  package var reader: any TaskReader
  package var events: TaskEvents
  package var workspaces: any WorkspaceStore
  package var health: HealthBoard
  /// Encoded answers that hold for a moment; one of `caches`, under the name `answers`.
  package var answers: ExpiringCache<String, [UInt8]>
  /// What `clear-cache` empties, by name: each returns how many entries went.
  package var caches: [String: @Sendable () -> Int]
  package var clock: any WallClock
  package var random: any RandomSource
  package var configuration: ConfigurationBoard
  package var keys: KeyBoard

  /// `caches`: others than `answers`, which is added here.
  package init(
    tasks: TaskService, agents: AgentService, providers: ProviderDirectory, maintenance: Maintenance,
    reader: any TaskReader, events: TaskEvents, workspaces: any WorkspaceStore, health: HealthBoard,
    answers: ExpiringCache<String, [UInt8]>,
    caches: [String: @Sendable () -> Int] = [:], clock: any WallClock, random: any RandomSource,
    configuration: ConfigurationBoard = .none, keys: KeyBoard = .none
  ) {
    (self.tasks, self.agents, self.providers) = (tasks, agents, providers)
    (self.maintenance, self.reader) = (maintenance, reader)
    (self.events, self.workspaces, self.health, self.answers) = (events, workspaces, health, answers)
    (self.clock, self.random, self.configuration, self.keys) = (clock, random, configuration, keys)
    self.caches = caches.merging(["answers": { answers.removeAll() }]) { given, _ in given }
  }

  /// How long an answer holds: short enough that a person sees no age, long enough for a crowd of status pages.
  package static let answerLifetime: Duration = .milliseconds(250)
  /// Distinct answers kept; there is one today.
  package static let answerCapacity = 64
}
