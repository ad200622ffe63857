import AgentCore
import ArgumentParser

/// A verb that asks the server. `execute` is all of it that tests need; `run` joins it to this process.
protocol ClientCommand: AsyncParsableCommand {
  var client: ClientOptions { get }

  /// Does the verb; what it returns is the process's exit code.
  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit
}

extension ClientCommand {
  mutating func run() async throws {
    let status = await ClientProcess().run(self)
    if status != .done { throw ExitCode(status.rawValue) }
  }
}

extension TaskID: ExpressibleByArgument {
  package init?(argument: String) { self.init(argument) }
}
