import Testing

@testable import AgentSystem

@Suite("Finding the server")
struct ServerAddressTests {
  @Test(
    "the flag wins over the variable, the variable over the socket, the socket over localhost",
    arguments: [
      ("unix:/a.sock", "http://env:1", true, ServerAddress.socket("/a.sock")),
      ("https://host:8443/base/", nil, true, .url("https://host:8443/base")),
      (nil, "http://env:81", true, .url("http://env:81")),
      (nil, "unix:run/api.sock", false, .socket("run/api.sock")),
      (nil, nil, true, .socket("/run/agent-system/api.sock")),
      (nil, "", true, .socket("/run/agent-system/api.sock")),
      (nil, nil, false, .url("http://localhost:8080")),
    ] as [(String?, String?, Bool, ServerAddress)])
  func discovery(flag: String?, variable: String?, socketExists: Bool, expected: ServerAddress) throws {
    let environment = variable.map { [ServerAddress.variable: $0] } ?? [:]
    let found = try ServerAddress.discovered(
      flag: flag, environment: environment, configured: { ServerAddress.installedSocket }
    ) {
      socketExists && $0 == ServerAddress.installedSocket
    }
    #expect(found == expected)
  }

  @Test(
    "the socket that server.yaml names stands below flag and variable, above the installed one, and where neither is there",
    arguments: [
      (["/own.sock", ServerAddress.installedSocket], ServerAddress.socket("/own.sock")),
      (["/own.sock"], .socket("/own.sock")), ([ServerAddress.installedSocket], .socket(ServerAddress.installedSocket)),
      ([], .socket("/own.sock")),
    ] as [([String], ServerAddress)])
  func configured(there: [String], expected: ServerAddress) throws {
    func found(_ flag: String?, _ environment: [String: String]) throws(ClientError) -> ServerAddress {
      try ServerAddress.discovered(flag: flag, environment: environment, configured: { "/own.sock" }) {
        there.contains($0)
      }
    }
    #expect(try found(nil, [:]) == expected)
    #expect(try found("unix:/a.sock", [:]) == .socket("/a.sock"))
    #expect(try found(nil, [ServerAddress.variable: "http://env:1"]) == .url("http://env:1"))
  }

  @Test(
    "what names no server is refused",
    arguments: [
      "", "localhost:8080", "ftp://host", "http://", "http://u:p@host", "http://host:0", "http://host/?a=b", "unix:",
      "unix:" + String(repeating: "x", count: 108), "http://ho st",
    ])
  func refusals(text: String) {
    #expect(throws: ServerAddress.Invalid.self) { try ServerAddress(text) }
  }

  @Test("a bad flag is a usage error, a bad variable one of configuration")
  func exitCodes() {
    func status(flag: String?, variable: String) -> ProcessExit? {
      do throws(ClientError) {
        _ = try ServerAddress.discovered(
          flag: flag, environment: [ServerAddress.variable: variable], configured: { ServerAddress.installedSocket }
        ) { _ in false }
        return nil
      } catch {
        return ProcessExit(error)
      }
    }
    #expect(status(flag: "nowhere", variable: "http://host") == .usage)
    #expect(status(flag: nil, variable: "nowhere") == .configuration)
  }

  @Test("a route's URL keeps the base path, and a socket's has a name for a host")
  func urls() throws {
    #expect(try ServerAddress("http://host/base").url(of: "/api/tasks") == "http://host/base/api/tasks")
    #expect(try ServerAddress("unix:///run/x.sock") == .socket("/run/x.sock"))
    #expect(try ServerAddress("unix:/x").url(of: "/api") == "http://localhost/api")
  }
}
