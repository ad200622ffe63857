import AgentConfig
import AgentCore
import Testing

@Suite("permissions.yaml")
struct PermissionSettingsTests {
  private static func permissions(_ text: String) throws -> PermissionSettings {
    try ConfigFixture(["permissions.yaml": text]).load().permissions
  }

  @Test("the manual's three roles are the defaults, and the shipped file says them")
  func printed() throws {
    let printed = PermissionSettings()
    #expect(printed.permissions(of: "admin") == .everything)
    #expect(printed.permissions(of: "user") == .some([.taskCreate, .taskRead, .taskReadOwn]))
    #expect(printed.agent == .some([.taskExecute, .fileRead, .fileWrite]))
    #expect(printed.local == .some([.agentStatus]))
    #expect(try Self.permissions(ShippedFiles.text("permissions.yaml")) == printed)
  }

  @Test("a role that the file does not name keeps its default, one that it names has what stands there alone")
  func defaults() throws {
    let settings = try Self.permissions("roles:\n  monitor: [usage:read]\n  night-shift: [task:*, '*:read']\n")
    #expect(settings.permissions(of: "monitor") == .some([.usageRead]))
    #expect(settings.permissions(of: "gateway") == .some([.modelUse]))
    #expect(settings.local == PermissionSettings().local)
    let shift = settings.permissions(of: "night-shift")
    let tasks: [Permission] = [
      .taskCreate, .taskRead, .taskReadOwn, .taskCancel, .taskRetry, .taskResolve, .taskPurge, .taskExecute,
    ]
    #expect(tasks.allSatisfy(shift.contains) && shift.contains(.fileRead) && !shift.contains(.fileWrite))
    #expect(settings.permissions(of: "nobody") == .some([]))
    #expect(try Self.permissions("roles: {local: []}\n").local == .some([]))
    #expect(try Self.permissions("# nothing\n") == PermissionSettings())
  }

  @Test(
    "every permission of the contract is a word that loads, features of later versions too",
    arguments: Permission.allCases)
  func known(permission: Permission) throws {
    let settings = try Self.permissions("roles: {x: [\(permission.rawValue)]}\n")
    #expect(settings.permissions(of: "x") == .some([permission]))
    #expect(!permission.resource.isEmpty && !permission.action.isEmpty)
  }

  static let refusals = [
    Refusal(
      "roles:\n  user: [task:raed]\n", "2:10", "'roles.user': 'task:raed' is no permission; did you mean 'task:read'?"),
    Refusal("roles:\n  user: [tasks:read]\n", "2:10", "did you mean 'task:read'?"),
    Refusal("roles:\n  user: [task:readown]\n", "2:10", "did you mean 'task:read_own'?"),
    Refusal("roles:\n  user: [Task:Read]\n", "2:10", "did you mean 'task:read'?"),
    Refusal("roles:\n  user: [task:obliterate]\n", "2:10", "; task has create, read, read_own, cancel"),
    Refusal("roles:\n  user: [mailbox:empty]\n", "2:10", "; the resources are task, agent, provider"),
    Refusal("roles:\n  user: [task]\n", "2:10", "'task' is no permission"),
    Refusal("roles:\n  user: ['']\n", "2:10", "'' is no permission"),
    Refusal("roles:\n  user: ['task:*:x']\n", "2:10", "is no permission"),
    Refusal("roles:\n  user: [task:read, task:read]\n", "2:21", "stands twice"),
    Refusal("roles:\n  user: task:read\n", "2:9", "'roles.user' must be a list"),
    Refusal("roles:\n  user:\n    - task: read\n", "3:7", "'roles.user[0]' must be text"),
    Refusal("roles:\n  'a b': ['*']\n", "2:3", "'a b' is no name"),
    Refusal("roles: ['*']\n", "1:8", "'roles' must be a mapping"),
    Refusal("role: {}\n", "1:1", "unknown key 'role'; did you mean 'roles'?"),
    Refusal("roles:\n  agent: [file:read]\n", "2:3", "must have task:execute"),
    Refusal("roles:\n  user: [\(String(repeating: "'*', ", count: 200))]\n", "2:3", "128 is the most"),
  ]

  @Test("each mistake is refused at its place, with the right word where one is near", arguments: refusals)
  func refused(_ refusal: Refusal) throws {
    let issues = try ConfigFixture(["permissions.yaml": refusal.text]).issues()
    let issue = try #require(issues.first)
    #expect(issues.count == 1, "\(issues)")
    #expect("\(issue.line):\(issue.column)" == refusal.place && issue.code == .invalid, "\(issue)")
    #expect(issue.message.contains(refusal.message), "\(issue.message)")
  }

  @Test("an asterisk without quotes is an alias of YAML, and refused with what to write")
  func asterisk() throws {
    let issues = try ConfigFixture(["permissions.yaml": "roles:\n  admin:\n    - *\n"]).issues()
    #expect(issues.count == 1 && issues.first?.line == 3, "\(issues)")
  }

  @Test(
    "loopback may be opened, but not where others than this machine may come; the same words by a narrow role are none",
    arguments: [
      ("['*']", true), ("[task:create]", true), ("['agent:*']", true), ("[agent:status]", false), ("[]", false),
    ])
  func wide(grants: String, isWide: Bool) throws {
    let fixture = try ConfigFixture(["permissions.yaml": "roles:\n  local: \(grants)\n"])
    let warnings = try fixture.load().warnings.map(fixture.short)
    #expect(warnings.map(\.code) == (isWide ? [.localOpen] : []), "\(warnings)")
    if isWide { #expect(warnings[0].file == "permissions.yaml" && warnings[0].line == 2) }
    try fixture.write("server.yaml", Array("listen: [127.0.0.1:80, 0.0.0.0:80]\n".utf8))
    let codes = fixture.issues().map { "\($0.file):\($0.line) \($0.code.rawValue)" }
    let refused = ["server.yaml:1 plaintext_refused"]
    #expect(codes == (isWide ? ["permissions.yaml:2 local_role_too_wide"] + refused : refused), "\(codes)")
  }

  @Test("who asks for a check is told that the printed role reads everybody's tasks, and how to narrow it")
  func readsAll() throws {
    let fixture = try ConfigFixture(try ShippedFiles.all())
    let notes = try fixture.load().notes.map(fixture.short)
    #expect(
      notes.map(\.code) == [.roleReadsAll] && notes[0].file == "permissions.yaml" && notes[0].line > 0, "\(notes)")
    #expect(notes[0].message.contains("'user'") && notes[0].message.contains("task:read_own"))
    #expect(try ConfigFixture().load().notes.count == 1)
    #expect(try ConfigFixture(["permissions.yaml": "roles: {user: [task:read_own]}\n"]).load().notes.isEmpty)
  }

  @Test("an agent with a tool that the role agent does not allow is a warning that names tool and permission")
  func tools() throws {
    let fixture = try ConfigFixture([
      "agents.yaml": "agents: {a: {instructions: x, tools: [file.read, http.request]}}\n"
    ])
    let warnings = try fixture.load().warnings.map(fixture.short)
    #expect(warnings.map(\.code) == [.toolForbidden] && warnings[0].file == "agents.yaml", "\(warnings)")
    #expect(
      warnings[0].message.contains("'agents.a.tools'") && warnings[0].message.contains("http.request (http:request)"))
    try fixture.write("permissions.yaml", Array("roles: {agent: [task:execute, file:read, http:*]}\n".utf8))
    #expect(try fixture.load().warnings.isEmpty)
    let narrow = try ConfigFixture(["permissions.yaml": "roles: {agent: [task:execute, file:read]}\n"]).load().warnings
    #expect(narrow.count == 3 && narrow.allSatisfy { $0.code == .toolForbidden }, "\(narrow)")
    #expect(narrow.contains { $0.message.contains("file.write (file:write); file.edit (file:write)") }, "\(narrow)")
  }

  @Test("every tool that an agent may name has its line in the table of rights")
  func table() { #expect(Set(ToolRights.tools) == Set(AgentSettings.toolNames)) }

  @Test("each role is a line of config show, with its source; the others than agent and local say that they wait")
  func values() throws {
    let fixture = try ConfigFixture(["permissions.yaml": "roles:\n  user: [task:create]\n  own: ['*']\n"])
    let values = try fixture.load().values.filter { $0.file == "permissions.yaml" }
    #expect(
      values.map(\.key)
        == ["admin", "user", "agent", "operator", "gateway", "monitor", "local", "own"].map { "roles.\($0)" })
    let file = fixture.folder.appending("permissions.yaml")
    let user = try #require(values.first { $0.key == "roles.user" })
    #expect(user.value == ["task:create"] && user.source == .file(file, line: 2, variables: []) && user.isReloadable)
    #expect(values.filter { $0.source == .builtIn }.count == 6)
    #expect(values.filter { $0.note == nil }.map(\.key) == ["roles.agent", "roles.local"])
  }
}
