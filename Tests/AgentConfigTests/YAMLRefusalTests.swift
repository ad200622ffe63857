import AgentConfig
import Testing

@Suite("What configuration refuses of YAML")
struct YAMLRefusalTests {
  static let refusals = [
    Refusal("workers: 1\nworkers: 2\n", "server.yaml:2:1", "'workers' stands twice in one mapping (first on line 1)"),
    Refusal("workers: 1\n\"workers\": 2\n", "server.yaml:2:1", "'workers' stands twice"),
    Refusal("log: {keep: 1, keep: 2}\n", "server.yaml:1:16", "'keep' stands twice"),
    Refusal("workers: &w 1\n", "server.yaml:1:10", "anchors and aliases"),
    Refusal("log: &l\n  keep: 1\n", "server.yaml:1:6", "anchors and aliases"),
    Refusal("workers: *w\n", "server.yaml:1:10", "aliases"),
    Refusal("&w workers: 1\nqueue: {max_pending: 5}\n", "server.yaml:1:1", "anchors and aliases"),
    Refusal("log: {*k : 1}\n", "server.yaml:1:7", "anchors and aliases"),
    Refusal("*k : 1\n", "server.yaml:1:1", "anchors and aliases"),
    Refusal("workers: !!int 5\n", "server.yaml:1:10", "tags"),
    Refusal("socket: !secret /a\n", "server.yaml:1:9", "tags"),
    Refusal("log: !!map {keep: 1}\n", "server.yaml:1:6", "tags"),
    Refusal("workspace_roots: !!seq [/a]\n", "server.yaml:1:18", "tags"),
    Refusal("workers: 1\n---\nworkers: 2\n", "server.yaml:2:1", "a second document"),
    Refusal("workers: [1\n", "server.yaml:2:1", "not YAML"),
    Refusal("workers: 'x\n", "server.yaml:2:1", "not YAML"),
    Refusal("\tworkers: 1\n", "server.yaml:1:1", "not YAML"),
    Refusal("log:\n  keep: 1\n level: info\n", "server.yaml:3:2", "not YAML"),
    Refusal("socket: \"/a\\0b\"\n", "server.yaml:1:9", "NUL"),
    Refusal("log: {<<: {keep: 1}}\n", "server.yaml:1:7", "merge keys"),
    Refusal("? {a: 1}\n: 2\n", "server.yaml:1:3", "plain name"),
    Refusal("just text\n", "server.yaml:1:1", "must be a mapping, not text"),
    Refusal("- a\n", "server.yaml:1:1", "must be a mapping, not a list"),
    Refusal("log: [info]\n", "server.yaml:1:6", "'log' must be a mapping, not a list"),
  ]

  @Test("each is refused at its place", arguments: refusals)
  func refused(_ refusal: Refusal) throws {
    let issues = try ConfigFixture(["server.yaml": refusal.text]).issues()
    let issue = try #require(issues.first)
    #expect(issues.count == 1)
    #expect("\(issue.file):\(issue.line):\(issue.column)" == refusal.place)
    #expect(issue.code == .invalid)
    #expect(issue.message.contains(refusal.message), "\(issue.message)")
  }

  @Test("every repeated key of a file is reported, with all other mistakes")
  func repeatedKeys() throws {
    let fixture = try ConfigFixture([
      "server.yaml": "workers: 1\nlog:\n  keep: 1\n  keep: 2\n  keep: 3\nworkers: 2\nwrokers: 1\n"
    ])
    #expect(
      fixture.places() == [
        "server.yaml:4:3 config_invalid", "server.yaml:5:3 config_invalid", "server.yaml:6:1 config_invalid",
        "server.yaml:7:1 config_invalid",
      ])
  }

  @Test("columns count characters, not bytes")
  func columns() throws {
    let fixture = try ConfigFixture(["server.yaml": "log: {folder: /日志/文件, keep: x}\n"])
    #expect(fixture.places() == ["server.yaml:1:29 config_invalid"])
  }

  @Test("everything else of a text with anchors is told with them")
  func besidesAnchors() throws {
    let fixture = try ConfigFixture([
      "server.yaml": "wrokers: &w 1\nworkers: 0\nqueue: &q {max_pending: x}\nlog: *q\ndata: &d /a&b*c\n"
    ])
    let issues = fixture.issues()
    #expect(
      issues.map { "\($0.line):\($0.column)" } == ["1:1", "1:10", "2:10", "3:8", "3:25", "4:6", "5:7"], "\(issues)")
  }

  @Test("what looks like an anchor within text is text")
  func notAnchors() throws {
    let fixture = try ConfigFixture([
      "agents.yaml": "agents:\n  a:\n    description: a & b * c\n    instructions: |\n      &x *y\n      - *z\n",
      "server.yaml": "data: '/a/*b/&c'\nworkspace_roots: [/x/&y, \"/*z\"]\n",
    ])
    let loaded = try fixture.load()
    #expect(loaded.agents[0].instructions == "&x *y\n- *z\n" && loaded.agents[0].description == "a & b * c")
    #expect(loaded.server.data == "/a/*b/&c" && loaded.server.workspaceRoots == ["/x/&y", "/*z"])
  }

  @Test(
    "forty levels of aliases cost nothing: as values, as a key, and as keys of keys", .timeLimit(.minutes(1)),
    arguments: ["last: *a40\n", "? *a40\n: 1\n", "? [*a40, {*a40 : *a40}]\n: 1\n"])
  func aliasBomb(_ end: String) throws {
    var text = "a0: &a0 [x, x]\n"
    for level in 1...40 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    let issues = try ConfigFixture(["server.yaml": text + end]).issues()
    #expect(issues.contains { $0.line == 42 && $0.message.contains("anchors") }, "\(issues.suffix(3))")
  }

  @Test("a text of nested aliases costs nothing")
  func nestedAliases() throws {
    var text = "a0: &a0 [x, x]\n"
    for level in 1...40 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    let issues = try ConfigFixture(["server.yaml": text]).issues()
    #expect(issues.filter { $0.message.contains("anchors") }.count == 41)
    #expect(issues.count == 82)
  }

  @Test("deep nesting is refused and does not crash")
  func deep() throws {
    let text = "workspace_roots: " + String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
    #expect(try ConfigFixture(["server.yaml": text]).issues().map(\.message) == ["nested deeper than 32"])
    let deeper = String(repeating: "[", count: 100_000)
    #expect(try !ConfigFixture(["server.yaml": deeper]).issues().isEmpty)
  }

  @Test("a message shows no control characters of the file and is never long")
  func messages() throws {
    let long = String(repeating: "k", count: 5000)
    let issues = try ConfigFixture(["server.yaml": "\"a\\e[31m\\u202E\": 1\n? \(long)\n: 1\n"]).issues()
    #expect(issues.count == 2)
    for issue in issues {
      #expect(issue.message.count <= 400)
      #expect(!issue.message.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E })
    }
  }
}
