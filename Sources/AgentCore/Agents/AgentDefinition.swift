/// What an agent is: instructions, a model at a provider, tools and limits. A task pins the definition's text at its
/// first claim, so that a resumed task does not change its instructions midway.
package struct AgentDefinition: Sendable, Hashable, Identifiable {
  package var id: AgentID
  package var description: String
  package var instructions: String
  /// Nil: the default provider.
  package var provider: ProviderID?
  /// Nil: the provider's own.
  package var model: String?
  /// Names as in `file.read`.
  package var tools: [String]
  /// Tasks of this agent in flight at once.
  package var concurrency: Int
  package var limits: TaskLimits
  package var temperature: Double?
  package var maxOutputTokens: Int
  package var contextTokens: Int
  /// What `http.request` may reach: names, literal addresses with port, or networks.
  package var allowHosts: [String]
  /// Members of each request's body besides ours, laid over the provider's own; null takes one away.
  package var body: [String: JSONValue]

  package init(
    id: AgentID, description: String = "", instructions: String, provider: ProviderID? = nil, model: String? = nil,
    tools: [String], concurrency: Int = 4,
    limits: TaskLimits = TaskLimits(steps: 50, modelCalls: 40, tokens: 1_000_000, wallTime: .seconds(900)),
    temperature: Double? = nil, maxOutputTokens: Int = 4096, contextTokens: Int = 100_000, allowHosts: [String] = [],
    body: [String: JSONValue] = [:]
  ) {
    (self.id, self.description, self.instructions, self.provider) = (id, description, instructions, provider)
    (self.model, self.tools, self.concurrency, self.limits) = (model, tools, concurrency, limits)
    (self.temperature, self.maxOutputTokens, self.contextTokens) = (temperature, maxOutputTokens, contextTokens)
    (self.allowHosts, self.body) = (allowHosts, body)
  }

  /// The definition as JSON: the text that `agent_version` keeps and whose digest a task pins.
  package var json: JSONValue {
    [
      "id": .string(id.name), "description": .string(description), "instructions": .string(instructions),
      "provider": JSONValue(provider?.name), "model": JSONValue(model), "tools": .array(tools.map(JSONValue.string)),
      "concurrency": JSONValue(concurrency), "limits": limits.json,
      "temperature": temperature.map(JSONValue.double) ?? .null, "max_output_tokens": JSONValue(maxOutputTokens),
      "context_tokens": JSONValue(contextTokens), "allow_hosts": .array(allowHosts.map(JSONValue.string)),
      "body": .object(body),
    ]
  }

  /// Reads what `json` wrote; nil when a member is missing.
  package init?(json: JSONValue) {
    guard let id = json["id"]?.stringValue, let instructions = json["instructions"]?.stringValue,
      let tools = json["tools"]?.arrayValue, let concurrency = json["concurrency"]?.integerValue,
      let maxOutput = json["max_output_tokens"]?.integerValue, let context = json["context_tokens"]?.integerValue
    else { return nil }
    self.init(
      id: AgentID(id), description: json["description"]?.stringValue ?? "", instructions: instructions,
      provider: json["provider"]?.stringValue.map { ProviderID($0) }, model: json["model"]?.stringValue,
      tools: tools.compactMap(\.stringValue), concurrency: Int(concurrency),
      limits: TaskLimits(json: json["limits"] ?? .null), temperature: json["temperature"]?.doubleValue,
      maxOutputTokens: Int(maxOutput), contextTokens: Int(context),
      allowHosts: json["allow_hosts"]?.arrayValue?.compactMap(\.stringValue) ?? [],
      body: json["body"]?.objectValue ?? [:])
  }
}

extension AgentDefinition {
  /// A definition's JSON with every sensitive value of its `body` replaced by what `replacement` makes of its JSON pointer
  /// and itself; the body whole where the list names it. All else is our own envelope, or words for a model.
  package static func replacingSensitive<E: Error>(
    in json: JSONValue, _ fields: SensitiveFields, _ replacement: (String, JSONValue) throws(E) -> JSONValue
  ) throws(E) -> JSONValue {
    guard case .object(var members) = json, let body = members["body"], body.objectValue?.isEmpty == false else {
      return json
    }
    let walked: JSONValue = ["body": body]
    members["body"] = try walked.replacingSensitive(fields, replacement)["body"]
    return .object(members)
  }
}
