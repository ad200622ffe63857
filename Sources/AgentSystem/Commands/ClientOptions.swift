import ArgumentParser

/// What every verb that talks to the server takes.
struct ClientOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where the server is: a URL or unix:PATH.",
      discussion: """
        Default: the environment's AGENT_SYSTEM_SERVER, else the unix socket that /etc/agent-system/server.yaml names \
        (/run/agent-system/api.sock), else http://localhost:8080.
        """, valueName: "url|unix:path"))
  var server: String?

  @Flag(help: "Print the server's JSON, one line an answer.")
  var json = false
}
