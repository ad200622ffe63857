import AgentCore
import AgentTestKit
import HTTPTransport
import Testing

@testable import AgentSystem

@Suite("Asking the API")
struct APIClientTests {
  private func error(_ reply: ScriptedReply) async throws -> ClientError? {
    let server = try ScriptedServer { _, _ in reply }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    do throws(ClientError) {
      _ = try await fixture.session.api.call(APIRequest(.get, "/api/tasks/task-1"))
      return nil
    } catch {
      return error
    }
  }

  @Test(
    "an error answer becomes its exit code",
    arguments: [
      (400, ProcessExit.failed), (401, .notAllowed), (403, .notAllowed), (404, .failed), (409, .failed), (422, .failed),
      (429, .failed), (500, .failed), (503, .failed),
    ])
  func statuses(status: Int, expected: ProcessExit) async throws {
    let error = try #require(try await error(.problem(status, "some_code", "a sentence")))
    #expect(ProcessExit(error) == expected)
    #expect(error.sentence == "a sentence (some_code, request r-7)")
  }

  @Test("fields at fault are told one a line")
  func fields() async throws {
    let body =
      #"{"status":422,"detail":"the request breaks a rule","code":"invalid_field","request_id":"r1","#
      + #""errors":[{"pointer":"/priority","detail":"0 to 9"},{"pointer":"/input","detail":"must not be empty"}]}"#
    let error = try #require(try await error(ScriptedReply(422, body)))
    #expect(
      error.sentence == """
        the request breaks a rule (invalid_field, request r1)
          /priority: 0 to 9
          /input: must not be empty
        """)
  }

  @Test("a proxy's page is told by its status")
  func foreignError() async throws {
    let error = try #require(try await error(ScriptedReply(502, type: "text/html", "<html>bad gateway</html>")))
    #expect(error.sentence == "the server answered with status 502 (http_502)")
    #expect(ProcessExit(error) == .failed)
  }

  @Test("an answer that is no JSON is a failure, not an outage")
  func notJSON() async throws {
    let error = try #require(try await error(ScriptedReply(200, "hello")))
    guard case .badAnswer = error else {
      Issue.record("\(error)")
      return
    }
    #expect(ProcessExit(error) == .failed)
  }

  @Test("a closed port and an absent socket are exit 69")
  func unreachable() async throws {
    let server = try ScriptedServer { _, _ in .none }
    let url = server.url
    server.stop()
    let folder = try TemporaryFolder("cli")
    for address in [ServerAddress.url(url), .socket(folder.appending("none.sock"))] {
      let fixture = try SessionFixture(address)
      #expect(await fixture.run(try TaskListCommand.parse([])) == .unreachable)
      #expect(fixture.output.errors.contains("the server at \(address) does not answer"))
    }
  }

  @Test("a unix socket is asked like any server")
  func unixSocket() async throws {
    let folder = try TemporaryFolder("cli")
    let path = folder.appending("api.sock")
    let server = try ScriptedServer(socketPath: path) { request, _ in ScriptedReply(#"{"target":"\#(request.target)"}"#)
    }
    defer { server.stop() }
    let fixture = try SessionFixture(.socket(path))
    let answer = try await fixture.session.api.call(
      APIRequest(.get, "/api/tasks", query: [("label", "a b:ü"), ("limit", "3")]))
    #expect(answer.json == ["target": "/api/tasks?label=a%20b%3A%C3%BC&limit=3"])
  }

  @Test("paths keep their slashes and lose everything that could end them")
  func paths() {
    #expect(APIRequest.encodedPath("a b/ü?#.txt") == "a%20b/%C3%BC%3F%23.txt")
    #expect(APIRequest.encoded("a/b") == "a%2Fb")
  }
}
