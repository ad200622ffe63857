import AgentConfig
import ArgumentParser

/// `agent-system config …`
struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Look at the configuration.",
    discussion: """
      The running service is asked: it has its own environment, which a shell has not. Where none answers, or \
      with --config or --env-file, the files are read here, and the command says so.
      """,
    subcommands: [ConfigCheckCommand.self, ConfigShowCommand.self, ConfigReferenceCommand.self])
}

/// Where the configuration is read when no service is asked.
struct OfflineOptions: ParsableArguments {
  @Option(help: "Read this folder here, and ask no service.")
  var config: String?
  @Option(
    help: """
      Read here, with these NAME=value lines, read as systemd does, as the environment in place of this shell's, and ask \
      no service.
      """)
  var envFile: String?

  var isAsked: Bool { config != nil || envFile != nil }

  func source(_ input: ClientInput) -> ConfigurationSource {
    let (config, envFile) = (config, envFile)
    let (environment, installed) = (input.environment, input.configuration)
    return ConfigurationSource(folder: (config ?? installed).absolute) { () throws(ConfigError) in
      if let envFile { return try ConfigFolder.load(config, environmentFile: envFile, installed: installed) }
      return try ConfigFolder.load(config, environment: environment, installed: installed)
    }
  }

  /// For standard error.
  func note(_ input: ClientInput) -> String {
    let files = config ?? input.configuration
    return
      "read here, not by a service: \(files), with \(envFile.map { "the variables of \($0)" } ?? "this shell's environment")"
  }
}

/// `agent-system config reference`: the page docs/CONFIGURATION.md.
struct ConfigReferenceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reference", abstract: "Print every key with its type, default and meaning, as Markdown.")

  func run() { ProcessStream.output.write(ConfigReference.text) }
}
