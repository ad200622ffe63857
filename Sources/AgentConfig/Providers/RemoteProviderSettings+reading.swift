import AgentCore

extension RemoteProviderSettings {
  /// Every key of a provider that is reached over HTTP, below `providers.*`.
  static let keys: [ConfigKey] = [
    ConfigKey(
      "providers.*.base_url", .text(maximumBytes: ProviderURL.maximumBytes), .nullable,
      "where its API begins; the type's own service unless told"),
    ConfigKey(
      "providers.*.api_key", .secret(maximumBytes: SecretText.maximumBytes), .nullable,
      "sent with each request; only api.openai.com and the type anthropic must have one"),
    ConfigKey(
      "providers.*.api_key_file", .text(maximumBytes: 4095), .nullable,
      "a file that holds the key, read anew by a reload; absolute, or relative to the configuration folder"),
    ConfigKey(
      "providers.*.model", .text(maximumBytes: 256), .nullable,
      "the model of agents that name none; the type's own service has a default"),
    ConfigKey("providers.*.max_concurrent", .integer(1...10_000), .nullable, "calls in flight at once"),
    ConfigKey("providers.*.requests_per_minute", .integer(1...1_000_000), .nullable, "calls begun in a minute"),
    ConfigKey(
      "providers.*.tokens_per_minute", .integer(1...1_000_000_000_000), .nullable, "tokens reserved in a minute"),
    ConfigKey("providers.*.timeouts", .section, .defaults("{}"), "how long a call may take"),
    ConfigKey("providers.*.timeouts.connect", .duration(shortest...longestWait), .defaults("5s"), "until connected"),
    ConfigKey(
      "providers.*.timeouts.first_byte", .duration(shortest...longestWait), .defaults("60s"),
      "from sending to the answer's first byte"),
    ConfigKey(
      "providers.*.timeouts.idle", .duration(shortest...longestWait), .defaults("60s"), "between two bytes of it"),
    ConfigKey("providers.*.timeouts.total", .duration(shortest...longestCall), .defaults("600s"), "of the whole call"),
    ConfigKey(
      "providers.*.retries", .integer(0...10), .defaults("3"), "further tries of a call within a step"),
    ConfigKey(
      "providers.*.max_response", .size(4096...(1 << 30)), .defaults("16MiB"), "bytes of one answer at the most"),
    ConfigKey("providers.*.headers", .secrets(maximumCount: 64), .nullable, "further headers of each request, by name"),
    ConfigKey(
      "providers.*.query", .secrets(maximumCount: 64), .nullable, "further query parameters of each request, by name"),
    ConfigKey(
      "providers.*.ca_file", .text(maximumBytes: 4095), .nullable,
      "certificates (PEM) to trust in place of the system's; absolute, or relative to the configuration folder"),
    ConfigKey(
      "providers.*.proxy", .secret(maximumBytes: ProviderURL.maximumBytes), .nullable,
      "a proxy to go through: http://host:port"),
    ConfigKey(
      "providers.*.body", .json, .defaults("{}"), "further members of each request's body; null takes one away"),
    ConfigKey(
      "providers.*.max_tokens_name", .text(maximumBytes: 64), .nullable,
      "the member that carries the output limit, of the type openai alone: max_completion_tokens for api.openai.com, "
        + "else max_tokens"),
    ConfigKey(
      "providers.*.context_tokens", .integer(1000...100_000_000), .nullable,
      "tokens of one request at the most; an agent's own limit holds where it is smaller"),
    ConfigKey(
      "providers.*.prompt_cache", .choice(["true", "false"]), .nullable,
      "marks requests for the provider's cache of prompts; of the type anthropic alone, there true"),
  ].map(\.reloadable)

  /// A server on this machine may answer within it; less is a mistake.
  private static let shortest: Duration = .milliseconds(10)
  private static let longestWait: Duration = .seconds(3600)
  private static let longestCall: Duration = .seconds(86_400)

  /// What a provider of this type reads from its section. `environment`: the key that the environment has for it.
  static func read(
    _ dialect: Dialect, _ section: ConfigReader.Section, folder: String, environment: EnvironmentKey?,
    _ reader: inout ConfigReader
  ) -> RemoteProviderSettings {
    let service = ShippedProviders.service(of: dialect)
    let address = url("base_url", reader.text("base_url", in: section), section, &reader)
    let host = address?.host ?? service.host
    let isService = host == service.host
    var settings = RemoteProviderSettings(
      dialect: dialect, baseURL: address?.text ?? service.baseURL, model: isService ? service.model : "",
      needsKey: isService || dialect == .anthropic, maximumTokensName: ShippedProviders.maximumTokensName(host: host))
    reader.noteDefault("base_url", in: section, .string(service.baseURL))
    if let model = reader.nonEmptyLine("model", in: section) {
      settings.model = model.value
    } else if isService {
      reader.noteDefault("model", in: section, .string(service.model))
    } else if section.isWhole, section.entries["model"].map(\.value.isNull) ?? true {
      reader.log.add(
        .invalid, section.mark, "'\(section.shown).model' must be given: only \(service.host) has a default")
    }
    readKey(into: &settings, section, folder: folder, environment: environment, &reader)
    readLimits(into: &settings, section, &reader)
    readRequest(into: &settings, section, folder: folder, &reader)
    readCache(into: &settings, section, &reader)
    if settings.carriesCredential { settings.needsKey = false }
    return settings
  }

  private static func readLimits(
    into settings: inout RemoteProviderSettings, _ section: ConfigReader.Section, _ reader: inout ConfigReader
  ) {
    settings.maxConcurrent = reader.integer("max_concurrent", in: section).map { Int($0) }
    settings.requestsPerMinute = reader.integer("requests_per_minute", in: section).map { Int($0) }
    settings.tokensPerMinute = reader.integer("tokens_per_minute", in: section).map { Int($0) }
    settings.contextTokens = reader.integer("context_tokens", in: section).map { Int($0) }
    if let retries = reader.integer("retries", in: section) { settings.retries = Int(retries) }
    if let bytes = reader.size("max_response", in: section) { settings.maximumResponseBytes = Int(bytes) }
    guard let timeouts = reader.section("timeouts", in: section) else { return }
    if let duration = reader.duration("connect", in: timeouts) { settings.timeouts.connect = duration }
    if let duration = reader.duration("first_byte", in: timeouts) { settings.timeouts.firstByte = duration }
    if let duration = reader.duration("idle", in: timeouts) { settings.timeouts.idle = duration }
    if let duration = reader.duration("total", in: timeouts) { settings.timeouts.total = duration }
  }

  // MARK: The key

  /// `api_key`, or `api_key_file`, or where the file has neither, the environment's key for the entry of that name.
  private static func readKey(
    into settings: inout RemoteProviderSettings, _ section: ConfigReader.Section, folder: String,
    environment: EnvironmentKey?, _ reader: inout ConfigReader
  ) {
    var key = reader.secret("api_key", in: section)
    // `${VAR:-}`: a variable of white space alone is as good as none, as it is without the file.
    let node = section.entries["api_key"]?.value
    let isUnset = key.map { SecretText.trimmed($0.value.reveal()).isEmpty && node?.written?.hasSuffix(":-}") == true }
    if isUnset == true { key = nil }
    let path = reader.nonEmptyLine("api_key_file", in: section)
    if let path, key != nil {
      return reader.log.add(
        .invalid, path.mark, "'\(section.shown)' has both 'api_key' and 'api_key_file': give one of them")
    }
    if let key {
      switch SecretText.of(key.value.reveal(), .providerKey) {
      case .secret(let secret): settings.apiKey = secret
      case .problem(let problem): reader.log.add(.invalid, key.mark, "'\(section.shown).api_key' \(problem)")
      }
    }
    if let path {
      let file = absolute(path.value, in: folder)
      settings.apiKeyFile = file
      switch SecretText.read(file, .providerKey) {
      case .problem(let problem):
        // Without a slash it may be the key itself, written where its file was to be named.
        let shown =
          path.written ?? (path.value.contains("/") ? file : "the file that it names in the configuration folder")
        reader.log.add(.invalid, path.mark, "'\(section.shown).api_key_file': \(shown) \(problem)")
      case .secret(let secret):
        settings.apiKey = secret
        reader.noteSecret("api_key", in: section, secret, .file(file, line: 0, variables: []))
      }
    } else if key == nil, isUnset == true || node?.isNull ?? true, let environment {
      (settings.apiKey, settings.apiKeyFile) = (environment.secret, environment.file)
      reader.noteSecret("api_key", in: section, environment.secret, .environment(environment.variable))
    }
  }

  // MARK: The request

  private static func readRequest(
    into settings: inout RemoteProviderSettings, _ section: ConfigReader.Section, folder: String,
    _ reader: inout ConfigReader
  ) {
    settings.headers = headers(section, &reader)
    settings.query = Dictionary(
      reader.secrets("query", in: section).map { ($0.name.value, $0.value) }, uniquingKeysWith: { _, last in last })
    if let proxy = reader.secret("proxy", in: section),
      url("proxy", Placed(value: proxy.value.reveal(), mark: proxy.mark), section, &reader) != nil
    {
      settings.proxy = proxy.value
    }
    if let path = reader.nonEmptyLine("ca_file", in: section) {
      let file = absolute(path.value, in: folder)
      settings.certificateAuthorityFile = file
      if let problem = ConfigFile.problem(ofCertificates: file) {
        reader.log.add(.invalid, path.mark, "'\(section.shown).ca_file': \(path.written ?? file) \(problem)")
      }
    }
    readMaximumTokensName(into: &settings, section, &reader)
    settings.body = RequestBodyMembers.read(section, &reader, reserving: settings.maximumTokensName)
    settings.bodySecrets = RequestBodyMembers.variableTexts(section)
  }

  private static func readMaximumTokensName(
    into settings: inout RemoteProviderSettings, _ section: ConfigReader.Section, _ reader: inout ConfigReader
  ) {
    let name = reader.nonEmptyText("max_tokens_name", in: section)
    guard settings.dialect == .openai else {
      reader.forget("max_tokens_name", in: section)
      // It would stand in place of the one that each request must have.
      if let name {
        reader.log.add(
          .invalid, name.mark, "'\(section.shown).max_tokens_name' is no key of a provider of type 'anthropic'")
      }
      return
    }
    if let name {
      settings.maximumTokensName = name.value
      if name.value.wholeMatch(of: /[A-Za-z][A-Za-z0-9_]*/) == nil {
        reader.log.add(
          .invalid, name.mark, "'\(section.shown).max_tokens_name' is no member's name: letters, digits, '_'")
      } else if RequestBodyMembers.contents.contains(name.value) || RequestBodyMembers.others.contains(name.value) {
        reader.log.add(
          .invalid, name.mark, "'\(section.shown).max_tokens_name': '\(name.shown)' carries something else")
      }
    } else {
      reader.noteDefault("max_tokens_name", in: section, .string(settings.maximumTokensName))
    }
  }

  private static func readCache(
    into settings: inout RemoteProviderSettings, _ section: ConfigReader.Section, _ reader: inout ConfigReader
  ) {
    let choice = reader.text("prompt_cache", in: section)
    guard settings.dialect == .anthropic else {
      reader.forget("prompt_cache", in: section)
      if let choice {
        reader.log.add(
          .invalid, choice.mark, "'\(section.shown).prompt_cache' is no key of a provider of type 'openai'")
      }
      return
    }
    if let choice { settings.cachesPrompts = choice.value == "true" }
    reader.noteDefault("prompt_cache", in: section, "true")
  }

  /// Without a key a request says who asks all the same.
  private var carriesCredential: Bool {
    let authority = baseURL.split(separator: "/").dropFirst().first ?? ""
    return authority.contains("@")
      || headers.contains {
        ["x-api-key", "authorization"].contains($0.key.lowercased())
          && !SecretText.trimmed($0.value.reveal()).isEmpty
      }
  }

  /// What frames a request, or says which connection it takes, is the transport's.
  private static let reservedHeaders: Set<String> = [
    "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "accept",
    "accept-encoding", "expect", "te", "trailer", "upgrade", "proxy-authorization", "proxy-connection", "keep-alive",
  ]

  private static func headers(
    _ section: ConfigReader.Section, _ reader: inout ConfigReader
  ) -> [String: Secret] {
    var result: [String: Secret] = [:]
    var seen: Set<String> = []
    for (name, value) in reader.secrets("headers", in: section) {
      let shown = "'\(section.shown).headers': '\(KeyText(name.value).shown)'"
      // RFC 9110, section 5.6.2: a token.
      if name.value.wholeMatch(of: /[A-Za-z0-9!#$%&'*+.^_`|~-]+/) == nil {
        reader.log.add(.invalid, name.mark, "\(shown) is no header's name")
      } else if reservedHeaders.contains(name.value.lowercased()) {
        reader.log.add(.invalid, name.mark, "\(shown) is set by the service itself")
      } else if !seen.insert(name.value.lowercased()).inserted {
        reader.log.add(.invalid, name.mark, "\(shown) stands twice, in other letters")
      } else if !SecretText.isHeaderValue(value.reveal()) {
        reader.log.add(
          .invalid, name.mark,
          "\(shown) holds a character that no header carries: one that cannot be seen, or one beyond ASCII")
      } else {
        result[name.value] = value
      }
    }
    return result
  }

  private static func url(
    _ name: String, _ text: Placed<String>?, _ section: ConfigReader.Section, _ reader: inout ConfigReader
  ) -> ProviderURL? {
    guard let text else { return nil }
    do throws(ProviderURL.Invalid) { return try ProviderURL(text.value) } catch {
      reader.log.add(.invalid, text.mark, "'\(section.shown).\(name)' \(error.detail)")
      return nil
    }
  }

  static func absolute(_ path: String, in folder: String) -> String { path.hasPrefix("/") ? path : "\(folder)/\(path)" }
}

/// The key `body` of providers and of agents.
enum RequestBodyMembers {
  /// What the request is about, and what its answer is read by.
  static let contents = ["model", "messages", "system", "stream", "tools"]
  /// What a request of the type openai may have besides, which a `body` may set and an output limit may not be.
  static let others: Set<String> = [
    "temperature", "top_p", "n", "response_format", "tool_choice", "parallel_tool_calls", "stop", "stream_options",
    "seed", "user", "metadata", "reasoning_effort", "store",
  ]
  /// The output limit is part of every budget.
  private static let reserved = contents + ["max_tokens", "max_completion_tokens"]

  /// What variables put there.
  static func variableTexts(_ section: ConfigReader.Section) -> [Secret] {
    (section.entries["body"]?.value.variableTexts ?? []).map { Secret($0) }
  }

  /// `reserving`: what carries the output limit of this provider; no agent knows whose it will be.
  static func read(
    _ section: ConfigReader.Section, _ reader: inout ConfigReader, reserving name: String? = nil
  ) -> [String: JSONValue] {
    guard let members = reader.jsonObject("body", in: section)?.objectValue else { return [:] }
    for name in reserved + [name].compactMap({ $0 }).filter({ !reserved.contains($0) }) where members[name] != nil {
      let entry = section.entries["body"]
      reader.log.add(
        .invalid, entry?.value.mark ?? section.mark,
        "'\(section.shown).body': '\(name)' is set by the service itself")
    }
    return members
  }
}
