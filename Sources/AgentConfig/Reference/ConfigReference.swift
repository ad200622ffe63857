import AgentCore

/// The reference page, made of what the features declare: docs/CONFIGURATION.md is this text.
package enum ConfigReference {
  /// Every file with its keys.
  static let files: [(name: String, keys: [ConfigKey], about: String)] = [
    ("server.yaml", ServerSettings.keys, "Where the service listens, keeps its data and writes its log."),
    (
      "agents.yaml", AgentSettings.keys,
      "The whole list of agents: one that is not there does not exist, and one at least must be. Without the file the "
        + "agents `coder`, `writer` and `researcher` serve. The name `status` is reserved."
    ),
    (
      "providers.yaml", ProviderSettings.keys,
      "The whole list of providers, one at least. Without the file there are `openai`, `anthropic` and `sandbox`, each of "
        + "that type. The name `default` is reserved. A provider of the type `sandbox` has no key but `script`."
    ),
    (
      "permissions.yaml", PermissionSettings.keys,
      "What each role may do, as `resource:action`; `*` stands for any, alone or for one of the two. "
        + "Until there are accounts two roles count: `local`, a caller over loopback without credentials (as installed "
        + "`agent:status` alone; more opens it to everybody on this machine), and `agent`, what the tools of all agents may do: "
        + "`file.list`, `file.read` and `file.search` need `file:read`, `file.write` needs `file:write`, `file.edit` both, "
        + "`http.request` needs `http:request`. Root, the service's user and the group `agent-system` do everything on the unix "
        + "socket, whatever stands here.\n\nThe permissions: " + permissions
        + ".\n\nWithout the file, and for each of these that it does not name: " + roles + "."
    ),
    (
      "encryption.yaml", EncryptionSettings.keys,
      "What is sealed before it reaches the disk. The sealing itself, and its keys, need no configuration."
    ),
    (
      "a script", SandboxScript.keys,
      "What the sandbox answers instead of its own words; the file that `script` names. From top to bottom, the first rule "
        + "that fits answers. `${…}` in it is text."
    ),
  ]

  private static let permissions = Permission.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")

  private static let roles = BuiltInRoles.all.map { role in
    "`\(role.name)` (" + role.grants.map { "`\($0)`" }.joined(separator: ", ") + ")"
  }.joined(separator: ", ")

  /// Markdown.
  package static var text: String {
    var text = introduction
    for file in files {
      text +=
        "\n## \(file.name)\n\n\(file.about)\n\n| key | type | default | reload | meaning |\n|---|---|---|---|---|\n"
      for key in file.keys where key.need != .notSupported { text += line(key, isScript: file.name == "a script") }
      let lacking = file.keys.filter { $0.need == .notSupported }.map { "`\($0.path)`" }
      if !lacking.isEmpty {
        text +=
          "\nKnown, and refused as `config_not_supported` until this build has them: "
          + lacking.joined(separator: ", ") + ".\n"
      }
    }
    text += "\n## Environment\n\nAbove the files, below the flags; an empty variable counts as unset.\n"
    text += environmentFile
    text += "| variable | meaning |\n|---|---|\n"
    for variable in EnvironmentSettings.variables { text += "| `\(variable.name)` | \(variable.meaning) |\n" }
    return text + "| `AGENT_SYSTEM_SERVER` | where the client verbs find the service: a URL or `unix:PATH` |\n"
  }

  private static let introduction = """
    # Configuration

    <!-- Made by `agent-system config reference` from the keys that the features declare; a test keeps it equal. -->

    All configuration is files in one folder, `/etc/agent-system` or `serve --config DIR`, and the environment. Every file
    may be absent. Flags stand above the environment, that above the files, those above the defaults. Everything is read
    at the start; SIGHUP or `agent-system reload` reads the files again and puts in force what is marked below,
    \(ConfigWords.reloadable),
    all or nothing: a file with a mistake changes nothing (`reload_refused`). Files of instructions, scripts and keys count
    as what names them. The rest, and the environment, wait for a restart.

    A mistake stops the start with exit code 78, all of them at once, each with its file, line and column (of one file at
    most \(IssueLog.maximumCount), and how many more there are); so does a bad value of a flag, with the flag's name.
    `agent-system config check` says the same beforehand, `agent-system config show` each value with its source.

    Durations are `500ms`, `30s`, `15m`, `24h` or a number of seconds; sizes are `64KiB`, `10MB` or a number of bytes.
    A value is typed by its key, whatever its quotes: `010` is 10. Anchors, aliases, `<<`, tags and a second document are
    refused.

    `${VAR}` in a value is the environment's variable, `${VAR:-default}` the same with what stands for an unset or empty
    one, `$${` the two characters. It is put in once, after the file was parsed, so that no value becomes YAML; never in
    `instructions`, files of instructions and scripts. Without a default an unset one is `config_variable_unset`. What a
    variable puts into a `body` is a secret to `config show`. A default holds no further `${`. No message quotes what a
    variable holds: `${VAR}` stands there, as written.

    """

  private static let environmentFile = """
    `agent-system config check --env-file FILE` reads a file of variables as systemd reads a unit's `EnvironmentFile`
    (systemd.exec(5): quotes, backslashes, values of several lines). What systemd would pass over in silence is refused with
    its line: `export NAME=…`, a line that is no `NAME=value`; so are a quote that is not closed and a comment that ends in
    a backslash.


    """

  private static func line(_ key: ConfigKey, isScript: Bool) -> String {
    let path = key.path.replacing("*", with: isScript ? "#" : "NAME")
    return "| `\(path)` | \(type(key.type)) | \(need(key.need)) | \(key.isReloadable || isScript ? "yes" : "no") | "
      + "\(key.meaning.replacing("|", with: "\\|")) |\n"
  }

  private static func need(_ need: ConfigKey.Need) -> String {
    switch need {
    case .defaults(let text): "`\(text)`"
    case .nullable: "none"
    case .required: "must be given"
    case .notSupported: ""
    }
  }

  private static func type(_ type: ConfigKey.ValueType) -> String {
    switch type {
    case .text: "text"
    case .secret: "secret"
    case .secrets(let maximum): "secrets by name, at most \(maximum)"
    case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
    case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
    case .number(let range): "\(range.lowerBound) to \(range.upperBound)"
    case .duration(let range): "\(QuantityText.text(range.lowerBound)) to \(QuantityText.text(range.upperBound))"
    case .size(let range):
      "\(QuantityText.text(bytes: range.lowerBound)) to \(QuantityText.text(bytes: range.upperBound))"
    case .list(let maximum): "list of at most \(maximum)"
    case .textOrList(let maximum): "text, or list of at most \(maximum)"
    case .lists(let maximum, let items): "lists of at most \(items) by name, at most \(maximum)"
    case .section: "section"
    case .named(let maximum): "sections by name, at most \(maximum)"
    case .sections(let maximum): "list of at most \(maximum) sections"
    case .json: "mapping"
    }
  }
}
