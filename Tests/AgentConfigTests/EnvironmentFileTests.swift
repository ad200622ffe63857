import AgentConfig
import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Files of variables. The table was held against systemd 252's own reader: `systemd-analyze condition
/// ConditionOSRelease=A=…`, with the text as `/etc/os-release`.
@Suite("A file of variables")
struct EnvironmentFileTests {
  private static func read(_ text: String) throws -> [String: String] {
    let fixture = try ConfigFixture(["env": text])
    return try EnvironmentFile.read(fixture.folder.appending("env"))
  }

  private static func issues(_ text: String) throws -> [ConfigIssue] {
    let fixture = try ConfigFixture(["env": text])
    do throws(ConfigError) {
      _ = try EnvironmentFile.read(fixture.folder.appending("env"))
      return []
    } catch {
      return error.issues
    }
  }

  @Test(
    "is read as systemd reads a unit's",
    arguments: [
      ("# c\n\n; c\nA=1\nB=\"two words\"\nC='x=y'\nD=\nA=2\n", ["A": "2", "B": "two words", "C": "x=y", "D": ""]),
      ("A=a\\b\n", ["A": "ab"]), ("A=a\\\\b\n", ["A": "a\\b"]), ("A=\"a\\b\"\n", ["A": "a\\b"]),
      ("A=\"a\\\"b\\$c\\\\d\\`\"\n", ["A": "a\"b$c\\d`"]), ("A='a\\b'\n", ["A": "a\\b"]),
      ("A=one\\\ntwo\nB=1\n", ["A": "onetwo", "B": "1"]), ("A=\"one\\\ntwo\"\n", ["A": "onetwo"]),
      ("A=x \\\n  y\n", ["A": "x   y"]), ("A=\"x\" \\\n y\n", ["A": "x y"]), ("A=x\\ \n", ["A": "x "]),
      ("A=\"x\ny\"\nB='x\ny'\n", ["A": "x\ny", "B": "x\ny"]), ("A=\"x\"y\n", ["A": "xy"]),
      ("A=\"x\" 'y'\n", ["A": "xy"]), ("A=x'y'\n", ["A": "x'y'"]), ("A=1 # c\n", ["A": "1 # c"]),
      ("A =  x y \t\n", ["A": "x y"]), (" A=1\r\nB=2\r\n", ["A": "1", "B": "2"]), ("A=x\\", ["A": "x"]),
      ("A=1", ["A": "1"]), ("A=\"\"", ["A": ""]), ("# c \\\\\nA=1\n", ["A": "1"]), ("", [:]),
    ] as [(String, [String: String])])
  func read(text: String, variables: [String: String]) throws { #expect(try Self.read(text) == variables) }

  @Test(
    "what systemd would pass over, or read otherwise than it looks, is refused with its line and without its words",
    arguments: [
      ("A=1\nhush hush\n1B=hush\n=hush\n", [2, 3, 4], "no line of the form NAME=value"),
      ("A=1\nexport B=hush\n", [2], "`export`"), ("A=\"x\ny\"\r\n\r\nexport\tB=hush", [4], "`export`"),
      ("A=x\\\ny\nexport hush\n", [3], "`export`"), ("A=1\nB=\"hush\nC=hush\n", [2], "a quote that is not closed"),
      ("B='hush", [1], "a quote that is not closed"), ("B=\"hush\\", [1], "a quote that is not closed"),
      ("# hush \\\nA=1\n", [1], "a comment that ends in a backslash"), ("\u{FEFF}A=hush\n", [1], "NAME=value"),
      ("A-B=hush\n", [1], "NAME=value"), ("Ä=hush\n", [1], "NAME=value"),
    ] as [(String, [Int], String)])
  func refused(text: String, lines: [Int], message: String) throws {
    let issues = try Self.issues(text)
    #expect(issues.map(\.line) == lines && issues.allSatisfy { $0.code == .invalid }, "\(issues)")
    #expect(issues.allSatisfy { $0.message.contains(message) && !$0.message.contains("hush") }, "\(issues)")
  }

  @Test("one that is not there is refused")
  func absent() throws {
    #expect(throws: ConfigError.self) { try EnvironmentFile.read(TemporaryFolder().appending("none")) }
  }

  @Test("a value of a megabyte is read in one pass")
  func large() throws {
    let value = String(repeating: "x ", count: 400_000) + "y"
    #expect(try Self.read("A=\(value)\n") == ["A": value])
  }
}
