import AgentRuntime
import ServiceLifecycle

/// The engine as one of the process's services: drains at a graceful shutdown.
struct EngineService: Service {
  let engine: Dispatcher

  func run() async throws {
    await withGracefulShutdownHandler {
      await engine.run()
    } onGracefulShutdown: {
      engine.drain()
    }
  }
}
