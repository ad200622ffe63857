import AgentTestKit
import Glibc
import Testing

@testable import Vault

@Suite struct DurableFileTests {
  @Test("what could not be put in its place is left nowhere, and the error is that of the call that failed")
  func failed() throws {
    let folder = try TemporaryFolder("durable")
    // No file is renamed over a folder.
    #expect(mkdir(folder.appending("master.key"), 0o700) == 0)
    for mode: mode_t in [0o400, 0o600] {
      let file = DurableFile(folder: folder.path, name: "master.key", mode: mode)
      let failure = #expect(throws: FileFailure.self) { try file.replace(with: [1, 2, 3]) }
      #expect(failure?.verb == "renamed" && failure?.code == EISDIR)
      #expect(access(folder.appending("master.key.new"), F_OK) != 0)
    }
  }

  @Test("what is read ends at the file's end, or at the limit", arguments: [0, 1, 31, 32, 33, 4096])
  func read(count: Int) throws {
    let folder = try TemporaryFolder("durable")
    let file = DurableFile(folder: folder.path, name: "file", mode: 0o600)
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    #expect(try file.read(limit: 32) == nil)
    try file.replace(with: bytes)
    #expect(try file.read(limit: 32) == Array(bytes.prefix(32)))
    #expect(try file.read(limit: 8192) == bytes)
  }
}
