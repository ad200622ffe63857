import AgentConfig
import AgentCore
import HTTPTransport

/// A provider that is reached over HTTP and speaks OpenAI's or Anthropic's dialect. It keeps nothing between calls but
/// the transport's connections; each call is one try.
package struct RemoteProvider: ModelProvider {
  package let id: ProviderID
  private let settings: RemoteProviderSettings
  private let transport: CurlTransport
  private let clock: any WallClock
  private let redaction: Redaction
  private let sensitive: SensitivePolicy
  private let largeAnswers: LargeAnswers

  /// The beginning of a refusal's body that is read for its reason.
  static let maximumErrorBytes = 64 * 1024
  /// How long after its end mark a stream may take to end its body; past it the connection is let go of.
  static let graceAfterEnd = Duration.milliseconds(500)

  /// The clock judges dates in `Retry-After`; the transport measures the timeouts by its own.
  /// `sensitive`: the members of a request's body that its errors must not quote. `largeAnswers`: one of the process.
  package init(
    id: ProviderID, settings: RemoteProviderSettings, transport: CurlTransport, clock: any WallClock,
    sensitive: SensitivePolicy = SensitivePolicy(), largeAnswers: LargeAnswers = LargeAnswers()
  ) {
    self.largeAnswers = largeAnswers
    (self.id, self.settings, self.transport, self.clock) = (id, settings, transport, clock)
    (self.sensitive, redaction) = (sensitive, Redaction(settings))
  }

  package var traits: ProviderTraits {
    ProviderTraits(
      model: settings.model, contextTokens: settings.contextTokens, retries: settings.retries,
      longestCall: settings.timeouts.total)
  }

  /// See `ModelProvider`. Asks for a stream, and takes a whole JSON answer too.
  package func complete(
    _ request: ModelRequest, onDelta: @escaping @Sendable (String) -> Void
  ) async throws(ProviderError) -> ModelReply {
    let wire = WireRequest(request, provider: id, settings)
    let response = try await open(wire)
    let hidden = sensitiveMembers(ofBody: request)
    let faults = FaultReader(redaction: redaction.hiding(hidden))
    guard response.status == 200 else { throw await refusal(response, faults) }
    var reader = try AnswerReader(response.head, assembler(faults))
    let maker = ReplyMaker(request, wire, id)
    do throws(ProviderError) {
      try await read(response.body, into: &reader, onDelta)
      var reply = try maker.reply(reader.reply())
      if !hidden.isEmpty { reply.model = Redaction([]).hiding(hidden).shown(reply.model) }
      return reply
    } catch {
      throw maker.settled(error, reader.counted)
    }
  }

  private func sensitiveMembers(ofBody request: ModelRequest) -> [JSONValue] {
    let fields = sensitive.fields
    return [settings.body, request.extraBody].flatMap { JSONValue.object($0).sensitiveMembers(fields) }.map(\.value)
  }

  private func assembler(_ faults: FaultReader) -> any ReplyAssembler {
    switch settings.dialect {
    case .openai: OpenAIAssembler(faults)
    case .anthropic: AnthropicAssembler(faults)
    }
  }

  private func open(_ wire: WireRequest) async throws(ProviderError) -> HTTPExchange.StreamedResponse {
    do throws(TransportError) {
      return try await transport.stream(ProviderEndpoint(settings).exchange(body: wire.body))
    } catch {
      throw Self.error(error, hasHead: false)
    }
  }

  private func read(
    _ body: HTTPExchange.ResponseBody, into reader: inout AnswerReader, _ onDelta: @Sendable (String) -> Void
  ) async throws(ProviderError) {
    var pieces = body.makeAsyncIterator()
    while let piece = try await Self.next(&pieces) {
      let text = try reader.consume(piece)
      if !text.isEmpty { onDelta(text) }
      if reader.hasEndMark { return await drain(body) }
    }
    let giveBack = await largeAnswers.turn(for: reader.heldBytes)
    defer { giveBack?() }
    let text = try reader.end()
    if !text.isEmpty { onDelta(text) }
  }

  private static func next(
    _ pieces: inout HTTPExchange.ResponseBody.Iterator
  ) async throws(ProviderError) -> [UInt8]? {
    do throws(TransportError) {
      return try await pieces.next()
    } catch {
      throw Self.error(error, hasHead: true)
    }
  }

  /// Lets the body end, so that its connection can be used again; whatever goes wrong here, the reply is whole.
  private func drain(_ body: HTTPExchange.ResponseBody) async {
    let clock = clock
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        do throws(TransportError) {
          for try await _ in body {}
        } catch {}
      }
      // `try?`: it ends early only because it is needed no longer.
      group.addTask { try? await clock.sleep(for: Self.graceAfterEnd) }
      await group.next()
      group.cancelAll()
    }
  }

  private func refusal(
    _ response: HTTPExchange.StreamedResponse, _ faults: FaultReader
  ) async -> ProviderError {
    var text: [UInt8] = []
    do throws(TransportError) {
      for try await piece in response.body {
        text.append(contentsOf: piece)
        if text.count >= Self.maximumErrorBytes { break }
      }
    } catch {
      if error.code == .cancelled { return Self.error(error, hasHead: true) }
      // Cut or too long: the status and what came of the reason say enough.
    }
    return faults.error(response.head, body: Array(text.prefix(Self.maximumErrorBytes)), now: clock.now())
  }

  private static func error(_ error: TransportError, hasHead: Bool) -> ProviderError {
    let code: ProviderError.Code =
      switch error.code {
      case .unreachable, .egressDenied: .unreachable
      case .timeout: .timeout
      case .tlsFailed: .tlsFailed
      case .tooLarge: .providerTooLarge
      case .malformed: error.wasSent ? .providerMalformed : .providerRejected
      case .tooManyRedirects: .providerRedirect
      case .cancelled: .cancelled
      case .connectionLost: hasHead ? .streamTruncated : .unreachable
      }
    return ProviderError(code, error.detail, wasSent: error.wasSent)
  }
}

extension RemoteProvider: CustomStringConvertible, CustomReflectable {
  /// Its name alone: the settings hold secrets, and a URL may hold one too.
  package var description: String { "provider \(id)" }
  package var customMirror: Mirror { Mirror(self, children: ["id": id.name]) }
}
