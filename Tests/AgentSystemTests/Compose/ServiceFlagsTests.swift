import AgentConfig
import AgentTestKit
import Foundation
import Testing

@testable import AgentSystem

@Suite("The flags of serve") struct ServiceFlagsTests {
  private static func folder(_ files: [String: String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder("flags")
    for (name, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: folder.appending(name))) }
    return folder
  }

  @Test("all bad flags are told with what is wrong in files and environment")
  func allAtOnce() throws {
    let folder = try Self.folder(["server.yaml": "workers: 0\n"])
    let flags = ServiceFlags(config: folder.path, listen: ["nowhere", "127.0.0.1:0", "0.0.0.0:80"])
    let error = #expect(throws: ConfigError.self) { try flags.load(["LOG_LEVEL": "loud"]) }
    let places = (error?.issues ?? []).map { ($0.file.hasSuffix("server.yaml") ? "server.yaml" : $0.file) }
    #expect(places == ["server.yaml", "LOG_LEVEL", "--listen", "--listen"], "\(error?.description ?? "")")
    #expect(error?.description.contains("'nowhere'") == true && error?.description.contains("0.0.0.0") == true)
  }

  @Test("each flag is the source of its value, and stands above the file")
  func sources() throws {
    let folder = try Self.folder(["server.yaml": "listen: 127.0.0.1:1\nsocket: /f\ndata: /f\nlog: {folder: /f}\n"])
    let flags = ServiceFlags(
      config: folder.path, data: "/d", logFolder: "/l", listen: ["[::1]:2", "127.0.0.1:3"], socket: "/s")
    let loaded = try flags.load([:])
    for (key, flag, text) in [
      ("data", "--data", "\"/d\""), ("log.folder", "--log-dir", "\"/l\""), ("socket", "--socket", "\"/s\""),
      ("listen", "--listen", "[\"[::1]:2\",\"127.0.0.1:3\"]"),
    ] {
      let value = try #require(loaded.values.first { $0.file == "server.yaml" && $0.key == key })
      #expect(value.source == .flag(flag) && value.value.text == text, "\(value)")
    }
    #expect(loaded.server.data == "/d" && loaded.server.log.folder == "/l" && loaded.server.socket == "/s")
    #expect(loaded.server.listen.map(\.description) == ["[::1]:2", "127.0.0.1:3"])
  }
}
