import AgentTestKit
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(4))) struct CancellationTests {
  /// The contract's bound for ending a transfer. The fastest of three runs must keep it: other programs share the
  /// machine's cores.
  static let bound = Duration.milliseconds(100)

  @Test("a cancelled caller gets `cancelled` at once, knows that it was sent, and the connection closes")
  func whileWaiting() async throws {
    let arrived = [Signal(), Signal(), Signal()]
    let closed = [Signal(), Signal(), Signal()]
    let script: LoopbackServer.Script = { connection, index in
      _ = connection.readRequest()
      arrived[index].set()
      connection.waitForClose()
      closed[index].set()
    }
    try await withServer(LoopbackServer(script)) { server in
      try await withTransport { transport in
        var slowest: [Duration] = []
        for index in 0..<3 {
          let call = await CancelledCall(after: arrived[index]) {
            await failure(of: .init(method: "POST", url: server.url(), freshConnection: true), on: transport)
          }
          #expect(call.value?.code == .cancelled)
          #expect(call.value?.wasSent == true)
          slowest.append(max(call.endedAt, await closed[index].wait()) - call.cancelledAt)
        }
        #expect(slowest.contains { $0 < Self.bound }, "\(slowest)")
      }
    }
  }

  @Test("a caller cancelled before it calls sends nothing") func beforeCall() async throws {
    try await withServer(LoopbackServer { _ in answer() }) { server in
      try await withTransport { transport in
        let gate = Signal()
        let call = Task {
          await gate.wait()
          return await failure(of: .init(url: server.url()), on: transport)
        }
        call.cancel()
        gate.set()
        let error = await call.value
        #expect(error?.code == .cancelled)
        #expect(error?.wasSent == false)
        #expect(server.accepted == 0)
      }
    }
  }

  @Test("a reader cancelled amid the body gets `cancelled`, not an early end") func amidBody() async throws {
    let script: LoopbackServer.Script = { connection, _ in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n")
      connection.waitForClose()
    }
    try await withServer(LoopbackServer(script)) { server in
      try await withTransport { transport in
        var elapsed: [Duration] = []
        for _ in 0..<3 {
          let reading = Signal()
          let call = await CancelledCall(after: reading) { () -> TransportError? in
            do throws(TransportError) {
              let response = try await transport.stream(.init(url: server.url(), maximumResponseBytes: nil))
              for try await _ in response.body { reading.set() }
              return nil
            } catch {
              return error
            }
          }
          #expect(call.value?.code == .cancelled)
          elapsed.append(call.endedAt - call.cancelledAt)
        }
        #expect(elapsed.contains { $0 < Self.bound }, "\(elapsed)")
      }
    }
  }

  @Test("letting go of the body ends the transfer") func abandoned() async throws {
    let closed = Signal()
    let script: LoopbackServer.Script = { connection, _ in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\n\r\n")
      connection.waitForClose()
      closed.set()
    }
    try await withServer(LoopbackServer(script)) { server in
      try await withTransport { transport in
        let status = try await transport.stream(.init(url: server.url())).status
        #expect(status == 200)
        await closed.wait()
      }
    }
  }

  @Test("shutting down ends what is under way and refuses what comes") func shutdown() async throws {
    let arrived = Signal()
    let script: LoopbackServer.Script = { connection, _ in
      _ = connection.readRequest()
      arrived.set()
      connection.waitForClose()
    }
    try await withServer(LoopbackServer(script)) { server in
      let transport = try CurlTransport()
      let call = Task { await failure(of: .init(url: server.url()), on: transport) }
      await arrived.wait()
      transport.shutdown()
      #expect(await call.value?.code == .cancelled)
      let late = await failure(of: .init(url: server.url()), on: transport)
      #expect(late?.code == .cancelled)
      #expect(late?.wasSent == false)
      transport.shutdown()
    }
  }

  @Test("an answer that grows past its limit while it is held ends when its reader goes on, however still the server")
  func limitOnResume() async throws {
    // The first piece that is held just fits; libcurl keeps the two that came with it and hands all three over inside
    // the resume. No further byte comes, so that nothing but the resume can tell.
    let piece = String(repeating: "x", count: 100)
    let buffered = 256 * 1024 / piece.count * piece.count
    let sent = Signal()
    let script: LoopbackServer.Script = { connection, _ in
      _ = connection.readRequest()
      let chunks = String(repeating: "64\r\n\(piece)\r\n", count: buffered / piece.count + 3)
      connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
      sent.set()
      connection.waitForClose()
    }
    try await withServer(LoopbackServer(script)) { server in
      try await withServer(LoopbackServer { _ in answer() }) { other in
        try await withTransport { transport in
          let timeouts = HTTPExchange.Timeouts(firstByte: nil, idle: .seconds(10), total: nil)
          let response = try await transport.stream(
            .init(url: server.url(), timeouts: timeouts, maximumResponseBytes: buffered + piece.count))
          await sent.wait()
          // Each of these goes through the same loop, which reads the held answer meanwhile.
          for _ in 0..<30 { _ = try await transport.send(.init(url: other.url())) }
          var code: TransportError.Code?
          do throws(TransportError) {
            for try await _ in response.body {}
          } catch {
            code = error.code
          }
          #expect(code == .tooLarge)
        }
      }
    }
  }

  @Test("a transfer is held while its reader is slow, and nothing is lost") func backPressure() async throws {
    // A prime length, so that a piece lost or doubled shows.
    let piece = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 >> 8 ^ $0) }
    var bytes: [UInt8] = []
    while bytes.count < 32 * 1024 * 1024 { bytes += piece }
    let body = bytes
    let blocked = Signal()
    let finished = Signal()
    let script: LoopbackServer.Script = { connection, _ in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
      connection.write(body, blocked: blocked)
      finished.set()
      blocked.set()
    }
    try await withServer(LoopbackServer(script)) { server in
      try await withTransport { transport in
        // The idle limit does not run while the reader holds the transfer.
        let timeouts = HTTPExchange.Timeouts(idle: .milliseconds(100))
        let response = try await transport.stream(
          .init(url: server.url(), timeouts: timeouts, maximumResponseBytes: nil))
        await blocked.wait()
        #expect(!finished.isSet, "the whole body went into someone's buffer")
        var received: [UInt8] = []
        for try await bytes in response.body {
          #expect(bytes.count <= 256 * 1024)
          received += bytes
        }
        #expect(received == body)
      }
    }
  }
}
