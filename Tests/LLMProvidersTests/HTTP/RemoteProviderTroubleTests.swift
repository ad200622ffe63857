import AgentConfig
import AgentCore
import AgentTestKit
import Foundation
import Glibc
import HTTPTransport
import Testing

@testable import LLMProviders

/// Every way in which a server can misbehave, over real sockets.
@Suite("A remote provider in trouble", .timeLimit(.minutes(1))) struct RemoteProviderTroubleTests {
  private static let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

  /// A server that reads one request of each connection, sends this and then closes.
  private static func sending(_ text: String) throws -> LoopbackServer {
    try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      connection.write(text)
    }
  }

  private static func chunked(_ body: String, ends: Bool) -> String {
    head + "Transfer-Encoding: chunked\r\n\r\n" + String(body.utf8.count, radix: 16) + "\r\n\(body)\r\n"
      + (ends ? "0\r\n\r\n" : "")
  }

  private static let withoutMark = OpenAIFixtures.text.replacing("data: [DONE]\n\n", with: "")

  static let cuts: [(String, ProviderError.Code?)] = [
    ("", .unreachable),
    (chunked(String(OpenAIFixtures.text.prefix(300)), ends: false), .streamTruncated),
    (chunked(String(OpenAIFixtures.text.prefix(300)), ends: true), .streamTruncated),
    // A stop reason alone does not make a stream whole whose body is cut.
    (chunked(withoutMark, ends: false), .streamTruncated), (chunked(withoutMark, ends: true), nil),
    // Behind its end mark nothing matters.
    (chunked(OpenAIFixtures.text, ends: false), nil),
    // Without a length the end of the connection is the end of the body.
    (head + "\r\n" + withoutMark, nil), (head + "\r\n" + OpenAIFixtures.text.prefix(300), .streamTruncated),
    ("SSH-2.0-x\r\n", .providerMalformed),
    ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{\"choices\":", .streamTruncated),
  ]

  @Test("takes a reply for whole only when it is", arguments: cuts)
  func cut(answer: String, code: ProviderError.Code?) async throws {
    try await withProvider(.openai, Self.sending(answer)) { provider in
      guard let code else {
        let reply = try await provider.complete(modelRequest()) { _ in }
        #expect(reply.text == "Grüß dich, 漢字 😀")
        return
      }
      let error = await failure(on: provider)
      #expect(error?.code == code)
      #expect(error?.wasSent == true)
    }
  }

  @Test(
    "ends at the limit of its own when the server is silent, stops, or takes too long",
    arguments: ["no answer came", "the answer stopped", "the answer took too long in all"])
  func timeouts(sentence: String) async throws {
    let server = try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      if sentence != "no answer came" { connection.write(Self.head + "\r\n: wait\n\n") }
      if sentence.hasSuffix("in all") { connection.drip(":\n") }
      connection.waitForClose()
    }
    let change: (inout RemoteProviderSettings) -> Void = { settings in
      let short = Duration.milliseconds(150)
      switch sentence {
      case "no answer came": settings.timeouts.firstByte = short
      case "the answer stopped": settings.timeouts.idle = short
      default: settings.timeouts.total = short
      }
    }
    try await withProvider(.openai, server, change) { provider in
      let error = await failure(on: provider)
      #expect(error?.code == .timeout)
      #expect(error?.isRetryable == true)
      #expect(error?.detail.hasSuffix(sentence) == true, "\(error?.detail ?? "")")
    }
  }

  @Test("comments and pings keep a slow answer alive") func keptAlive() async throws {
    let server = try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      connection.write(Self.head + "\r\n")
      for _ in 0..<8 {
        connection.write(": still reading\n\n")
        poll(nil, 0, 150)
      }
      connection.write(OpenAIFixtures.text)
    }
    try await withProvider(.openai, server, { $0.timeouts.idle = .seconds(1) }) { provider in
      let text = try await provider.complete(modelRequest()) { _ in }.text
      #expect(text == "Grüß dich, 漢字 😀")
    }
  }

  @Test(
    "an answer past the limit is given up, whatever its form", arguments: ["text/event-stream", "application/json"])
  func tooLarge(type: String) async throws {
    let server = try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\n\r\n")
      while connection.write(": " + String(repeating: "x", count: 10_000) + "\n\n") {}
    }
    try await withProvider(.openai, server, { $0.maximumResponseBytes = 200_000 }) { provider in
      let error = await failure(on: provider)
      #expect(error?.code == .providerTooLarge)
      #expect(error?.isRetryable == false)
    }
  }

  @Test(
    "an answer that says it is past the limit is given up at once, a refusal by its status",
    arguments: [
      (200, ProviderError.Code.providerTooLarge, false), (502, .providerError, true), (429, .rateLimited, true),
      (400, .providerRejected, false), (401, .keyInvalid, false),
    ])
  func announced(status: Int, code: ProviderError.Code, isRetryable: Bool) async throws {
    let server = try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      connection.write(
        "HTTP/1.1 \(status) Page\r\nContent-Type: text/html\r\nContent-Length: 9000000\r\n\r\n<html>")
      while connection.write(String(repeating: "x", count: 10_000)) {}
    }
    try await withProvider(.openai, server, { $0.maximumResponseBytes = 4096 }) { provider in
      let error = await failure(on: provider)
      #expect(error?.code == code && error?.isRetryable == isRetryable)
      #expect(error?.status == (status == 200 ? nil : status))
    }
  }

  @Test("a refusal with an endless body ends all the same") func endlessRefusal() async throws {
    let server = try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 400 Bad\r\nContent-Type: text/plain\r\n\r\n")
      while connection.write(String(repeating: "x", count: 10_000)) {}
    }
    try await withProvider(.openai, server) { provider in
      #expect(await failure(on: provider)?.code == .providerRejected)
    }
  }

  @Test("a redirect is not followed, and its target hears nothing", arguments: [301, 302, 303, 307, 308])
  func redirect(status: Int) async throws {
    let target = try LoopbackServer { _ in eventAnswer(OpenAIFixtures.text) }
    defer { target.stop() }
    let location = target.url("/v1/chat/completions")
    let server = try LoopbackServer { _ in answer(status, headers: ["Location: \(location)"]) }
    try await withProvider(.openai, server) { provider in
      let error = await failure(on: provider)
      #expect(error?.code == .providerRedirect)
      #expect(error?.isRetryable == false)
      #expect(target.accepted == 0)
    }
  }

  @Test("a reused connection that closes unanswered is one request and one error, not two requests") func reused()
    async throws
  {
    let server = try LoopbackServer { connection, index in
      guard connection.readRequest() != nil else { return }
      connection.write(eventAnswer(OpenAIFixtures.text))
      if index == 0 { _ = connection.readRequest() } else { connection.waitForClose() }
    }
    try await withProvider(.openai, server) { provider in
      _ = try await provider.complete(modelRequest()) { _ in }
      let error = await failure(on: provider)
      #expect(error?.code == .unreachable)
      #expect(error?.wasSent == true && error?.isRetryable == true)
      #expect(server.requests.count == 2)
      // Our own next try is a request of its own.
      _ = try await provider.complete(modelRequest()) { _ in }
      #expect(server.requests.count == 3)
    }
  }

  @Test("one connection serves call after call", arguments: [Dialect.openai, .anthropic])
  func reuse(dialect: Dialect) async throws {
    let stream = dialect == .openai ? OpenAIFixtures.text : AnthropicFixtures.text
    let server = try LoopbackServer { connection, _ in
      while let request = connection.readRequest() {
        connection.write(request.target.isEmpty ? "" : Self.chunked(stream, ends: true))
      }
    }
    try await withProvider(dialect, server) { provider in
      for _ in 0..<4 { _ = try await provider.complete(modelRequest()) { _ in } }
      #expect(server.accepted == 1)
    }
  }

  @Test("a body that does not end behind its end mark is waited for a moment only") func endMarkAlone() async throws {
    let clock = ManualClock()
    let server = try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      connection.write(Self.chunked(OpenAIFixtures.text, ends: false))
      connection.waitForClose()
    }
    try await withProvider(.openai, server, clock: clock) { provider in
      async let reply = provider.complete(modelRequest()) { _ in }
      while clock.sleeperCount == 0 { await Task.yield() }
      clock.advance(by: RemoteProvider.graceAfterEnd)
      let text = try await reply.text
      #expect(text == "Grüß dich, 漢字 😀")
    }
  }

  @Test("nobody there is unreachable, and unsent") func unsent() async throws {
    let gone = try LoopbackServer { _ in "" }
    gone.stop()
    try await withProvider(.openai, gone) { provider in
      let error = await failure(on: provider)
      #expect(error?.code == .unreachable && error?.wasSent == false && error?.isRetryable == true)
    }
    let unknown = try Self.sending("")
    try await withProvider(.openai, unknown, { $0.baseURL = "http://no-such-host.invalid/v1" }) { provider in
      #expect(await failure(on: provider)?.code == .unreachable)
    }
  }

  @Test("a cancelled caller is told within 100 ms, before the answer and amid it", arguments: [false, true])
  func cancelled(amid: Bool) async throws {
    let arrived = [Signal(), Signal(), Signal()]
    let server = try LoopbackServer { connection, index in
      _ = connection.readRequest()
      if amid {
        connection.write(Self.head + "\r\n" + OpenAIFixtures.text.prefix(600))
      } else {
        arrived[index].set()
      }
      connection.waitForClose()
    }
    try await withProvider(.openai, server) { provider in
      var elapsed: [Duration] = []
      for signal in arrived {
        let call = Task { () -> ProviderError? in
          do throws(ProviderError) {
            _ = try await provider.complete(modelRequest()) { _ in signal.set() }
            return nil
          } catch {
            return error
          }
        }
        await signal.wait()
        let start = ContinuousClock.now
        call.cancel()
        #expect(await call.value?.code == .cancelled)
        elapsed.append(ContinuousClock.now - start)
      }
      // The fastest: other programs share the machine's cores.
      #expect(elapsed.contains { $0 < .milliseconds(100) }, "\(elapsed)")
    }
  }
}
