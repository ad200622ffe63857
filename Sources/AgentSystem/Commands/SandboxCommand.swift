import AgentConfig
import ArgumentParser
import Foundation

/// `agent-system sandbox`: the whole service for trying things out, offline, with nothing to configure.
struct SandboxCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sandbox", abstract: "Serves with the offline provider and open loopback TCP, to try things out.",
    discussion: "Everybody on this machine may do everything over loopback: not for anything that matters.")

  @Option(help: "The data folder (default: a folder of yours, which it names).")
  var data: String?
  @Option(help: "HOST:PORT; port 0 takes a free one.")
  var listen = "127.0.0.1:8080"
  @Option(help: "Tasks may be given folders below this one, besides the current directory. May be repeated.")
  var root: [String] = []

  mutating func run() async throws {
    let folder = data?.absolute ?? Self.ownFolder
    if data == nil {
      ProcessStream.error.write("agent-system: data in \(folder)\n")
    }
    try await ServiceRun.toItsEnd { () throws(StartFailure) in
      do {
        // Private from the start: the store refuses a folder that others can open.
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      } catch {
        throw StartFailure("data_folder_permissions", "\(folder) cannot be made: \(error.localizedDescription)")
      }
      var configuration = LoadedConfiguration()
      do throws(ConfigError) {
        configuration.server.listen = [try ListenAddress.parse(listen, flag: "--listen")]
      } catch {
        throw StartFailure(error)
      }
      configuration.server.data = folder
      configuration.server.workspaceRoots = ["".absolute] + root.map(\.absolute)
      return ServiceSettings(
        configuration: configuration, rereadAgents: { BuiltInAgents.all }, isSandbox: true, socket: nil,
        logFolder: folder + "/log")
    }
  }

  /// XDG Base Directory Specification: `$XDG_DATA_HOME`, else `~/.local/share`.
  private static var ownFolder: String {
    let environment = ProcessInfo.processInfo.environment
    let home = environment["HOME"] ?? NSHomeDirectory()
    let base = environment["XDG_DATA_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? home + "/.local/share"
    return base + "/agent-system/sandbox"
  }
}
