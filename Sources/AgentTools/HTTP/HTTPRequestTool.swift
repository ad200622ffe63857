import AgentCore
import HTTPTransport

/// `http.request`: sends one HTTP request to a host of the agent's `allow_hosts` and shows the answer.
///
/// Any status is an answer; an error is what came to none. A cut `idempotent` call is `notDone`: it runs again with the
/// same key.
package struct HTTPRequestTool: AgentTool {
  /// By the method.
  package var effects: [EffectClass] { [.pure, .idempotent, .once] }
  private let transport: CurlTransport
  private let timeouts: HTTPExchange.Timeouts
  private let ownListeners: @Sendable () -> [SocketAddress]
  private let ownAddresses: @Sendable () -> [IPAddress]

  /// Enough for a move of host and path behind a sign-in; browsers allow 20.
  static let maximumRedirects = 5
  /// A model waits for it, so a minute in all; headers and body have no shorter limit of their own.
  package static let defaultTimeouts = HTTPExchange.Timeouts(
    connect: .seconds(5), firstByte: nil, idle: nil, total: .seconds(60))

  /// The transport is for tools alone: over a shared one a call could ride on another's connection. `ownListeners`
  /// gives what this process listens on, as bound; none of it is ever reached, and a wildcard counts on every address
  /// of the machine. `ownAddresses` gives the machine's own, asked at each call: no name opens one of them.
  package init(
    transport: CurlTransport, timeouts: HTTPExchange.Timeouts = HTTPRequestTool.defaultTimeouts,
    ownAddresses: @escaping @Sendable () -> [IPAddress] = IPAddress.ofThisMachine,
    ownListeners: @escaping @Sendable () -> [SocketAddress]
  ) {
    (self.transport, self.timeouts, self.ownListeners) = (transport, timeouts, ownListeners)
    self.ownAddresses = ownAddresses
  }

  package var descriptor: ToolDescriptor {
    ToolDescriptor(
      name: "http.request",
      description: "Sends one HTTP request. Only hosts that the agent's configuration allows can be reached.",
      parameters: [
        "type": "object",
        "properties": [
          "method": ["type": "string", "description": "GET, HEAD, POST, PUT, PATCH, DELETE, …"],
          "url": ["type": "string", "description": "absolute http or https URL"],
          "headers": ["type": "object", "additionalProperties": ["type": "string"]],
          "body": ["description": "a string is sent as it is, any other value as JSON"],
        ],
        "required": ["method", "url"],
        "additionalProperties": false,
      ])
  }

  /// Throws `tool_arguments_invalid`, and `egress_denied` where no entry of `allow_hosts` can open the URL's host.
  package func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan {
    let call = try HTTPRequestArguments(arguments)
    _ = try rule(for: call.url, in: context)
    if call.effect == .pure { return ToolPlan(effect: .pure) }
    return ToolPlan(
      effect: call.effect, evidence: ["method": .string(call.method), "origin": .string(call.url.origin)])
  }

  /// Throws the transport's codes (`unreachable`, `timeout`, `tls_failed`, `egress_denied`, `connection_lost`, …) and
  /// `cancelled`. A `once` call that was sent and not answered may have happened.
  package func perform(
    _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
  ) async throws(ToolError) -> ToolOutcome {
    let call = try HTTPRequestArguments(arguments)
    let isOnce = plan.effect == .once || call.effect == .once
    let request = request(call, isOnce: isOnce, try rule(for: call.url, in: context), context)
    do throws(TransportError) {
      let response = try await transport.stream(request)
      // What is shown of it ends before the last value that could have been cut.
      let margin = min(context.filter.longest, ToolOutcome.maximumBytes)
      let (body, isCut, failure) = await read(
        response.body, upTo: ToolOutcome.maximumBytes + margin, context.sensitive)
      // Of a `once` call the answer counts however little of its body came: it must not be made again.
      if let failure, !isOnce || failure.code == .cancelled { throw failure }
      let answer = HTTPAnswerText(response.head, sent: call.headers, context.sensitive, context.filter)
      return answer.outcome(body: body, isCut: isCut, incomplete: failure?.code)
    } catch {
      throw toolError(error, isOnce: isOnce)
    }
  }

  private func rule(for url: HTTPURL, in context: ToolContext) throws(ToolError) -> EgressRule {
    let (filter, isOpened) = (context.filter, context.hasSealedHost ? url.host.text : nil)
    let rule = EgressRule(
      allowHosts: context.allowHosts, ownListeners: SocketAddress.withInterfaces(ownListeners()),
      ownAddresses: ownAddresses(), isSecret: { $0 == isOpened || filter.filtered($0) != $0 })
    guard rule.mayReach(url) else {
      // `hostAndPort` may be what a reference was opened to.
      let host = context.hasSealedHost ? "the host, which has a sealed value in it," : "\(url.hostAndPort)"
      let asked = context.hasSealedHost ? " by its name: nobody is asked for its address" : ""
      throw ToolError(
        "egress_denied", "\(host) is not in this agent's allow_hosts\(asked), or is this service itself")
    }
    return rule
  }

  private func request(
    _ call: HTTPRequestArguments, isOnce: Bool, _ rule: EgressRule, _ context: ToolContext
  ) -> HTTPExchange.Request {
    var headers: [(String, String)] = call.headers.map { ($0.name, $0.value) }
    if call.method == "PUT", call.value(of: "idempotency-key") == nil {
      headers.append(("Idempotency-Key", context.idempotencyKey))
    }
    if call.value(of: "user-agent") == nil { headers.append(("User-Agent", "agent-system")) }
    return HTTPExchange.Request(
      method: call.method, url: call.url.text, headers: headers, body: call.body, timeouts: timeouts,
      // Longer bodies are cut by not reading on, which is no failure.
      maximumResponseBytes: nil,
      followRedirects: call.effect == .pure && !isOnce ? Self.maximumRedirects : 0, egress: rule,
      freshConnection: isOnce)
  }

  /// Reads what can be shown and lets go of the rest. Where the limit falls within a sensitive value it reads on to that
  /// value's end, but no further than as much again as can be shown.
  private func read(
    _ body: HTTPExchange.ResponseBody, upTo limit: Int, _ fields: SensitiveFields
  ) async -> (bytes: [UInt8], isCut: Bool, failure: TransportError?) {
    var answer = AnswerBody(limit: limit) { HTTPAnswerText.endsWithinValue($0, fields) }
    do throws(TransportError) {
      for try await piece in body {
        answer.take(piece)
        if answer.isCut { break }
      }
    } catch {
      return (answer.bytes, false, error)
    }
    // What came past the limit came for a value's sake alone.
    return (answer.bytes, answer.isCut || answer.bytes.count > limit, nil)
  }

  private func toolError(_ error: TransportError, isOnce: Bool) -> ToolError {
    let isPassing = [.unreachable, .timeout, .connectionLost].contains(error.code)
    return ToolError(
      error.code.rawValue, error.detail, mayHaveHappened: isOnce && error.wasSent, isRetryable: !isOnce && isPassing,
      hadNoEffect: !error.wasSent)
  }
}
