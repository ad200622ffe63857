/// What help texts, manual page and documents say in the same words.
package enum ConfigWords {
  /// The files of the folder.
  package static let files = "server.yaml, agents.yaml, providers.yaml, permissions.yaml and encryption.yaml"
  /// What a reload puts in force.
  package static let reloadable =
    "agents, providers with their keys and scripts, permissions, sensitive fields and the log level"
}
