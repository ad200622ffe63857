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

  @Test(
    "a flag is held to what the files' key is held to",
    arguments: [
      (ServiceFlags(socket: "/" + String(repeating: "s", count: 107)), "--socket", "has 108 bytes"),
      (ServiceFlags(data: "/" + String(repeating: "d", count: 4095)), "--data", "has 4096 bytes"),
      (ServiceFlags(logFolder: "/" + String(repeating: "l", count: 4095)), "--log-dir", "has 4096 bytes"),
      (ServiceFlags(data: ""), "--data", "is no path"), (ServiceFlags(logFolder: ""), "--log-dir", "is no path"),
      (ServiceFlags(socket: ""), "--socket", "is no path"), (ServiceFlags(socket: "/a\nb"), "--socket", "is no path"),
      (ServiceFlags(listen: ["[::1]:1", "[::1]:1"]), "--listen", "'[::1]:1' is given twice"),
      (ServiceFlags(listen: (1...17).map { "127.0.0.1:\($0)" }), "--listen", "is given 17 times; 16 is the most"),
    ])
  func refused(flags: ServiceFlags, flag: String, words: String) throws {
    let folder = try Self.folder([:])
    var flags = flags
    flags.config = folder.path
    let error = #expect(throws: ConfigError.self) { try flags.load([:]) }
    #expect(error?.issues.map(\.file) == [flag] && error?.issues.first?.code == .invalid, "\(error?.issues ?? [])")
    #expect(error?.issues.first?.message.contains(words) == true, "\(error?.issues ?? [])")
  }

  @Test("the longest socket, and as many addresses as the file may name, are taken")
  func bounds() throws {
    let folder = try Self.folder([:])
    let flags = ServiceFlags(
      config: folder.path, listen: (1...16).map { "127.0.0.1:\($0)" },
      socket: "/" + String(repeating: "s", count: 106))
    let loaded = try flags.load([:])
    #expect(loaded.server.listen.count == 16 && loaded.server.socket.utf8.count == 107)
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
