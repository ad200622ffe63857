import AgentCore

/// What every worker works with; put together once, in the composition root.
package struct EngineParts: Sendable {
  package var store: any TaskStore
  package var providers: any ProviderRegistry
  package var tools: any ToolSource
  /// What the role `agent` lets them do.
  package var rights: RoleRights
  package var workspaces: any WorkspaceStore
  package var events: TaskEvents
  package var clock: any WallClock
  package var random: any RandomSource
  package var digester: any Digester
  package var faults: any FaultInjector
  package var log: any ServiceLog
  /// Members whose values nobody sees.
  package var sensitive: SensitivePolicy
  package var retries: RetryPolicy
  package var timeouts: StepTimeouts

  package init(
    store: any TaskStore, providers: any ProviderRegistry, tools: any ToolSource, workspaces: any WorkspaceStore,
    events: TaskEvents, clock: any WallClock, random: any RandomSource, digester: any Digester,
    faults: any FaultInjector, log: any ServiceLog, rights: RoleRights = RoleRights(.everything),
    sensitive: SensitivePolicy = SensitivePolicy(),
    retries: RetryPolicy = RetryPolicy(), timeouts: StepTimeouts = StepTimeouts()
  ) {
    (self.store, self.providers, self.tools, self.workspaces) = (store, providers, tools, workspaces)
    (self.events, self.clock, self.random, self.digester) = (events, clock, random, digester)
    (self.faults, self.log, self.rights, self.sensitive) = (faults, log, rights, sensitive)
    (self.retries, self.timeouts) = (retries, timeouts)
  }
}

/// How long one try of a step may take.
package struct StepTimeouts: Sendable {
  /// Nil: what the provider says of itself (`ProviderTraits.longestCall`).
  package var modelCall: Duration?
  /// Above the tools' own limits (60 s for `http.request`), so that it ends only what hangs.
  package var toolCall: Duration
  package init(modelCall: Duration? = nil, toolCall: Duration = .seconds(120)) {
    (self.modelCall, self.toolCall) = (modelCall, toolCall)
  }
}
