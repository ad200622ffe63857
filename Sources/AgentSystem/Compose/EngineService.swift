import AgentRuntime
import ServiceLifecycle

/// The engine as one of the process's services: drains at a graceful shutdown, and when the group is cancelled because
/// another service failed (it would run on for ever: its task's cancellation alone does not end it).
struct EngineService: Service {
  let engine: Dispatcher

  func run() async throws {
    await withTaskCancellationOrGracefulShutdownHandler {
      await engine.run()
    } onCancelOrGracefulShutdown: {
      engine.drain()
    }
  }
}
