import AgentCore

extension PermissionSettings {
  /// Each role is a line of a page that somebody reads.
  static let maximumRoles = 64
  /// More than all permissions with their patterns.
  static let maximumGrants = 128

  /// Every key of the file.
  package static let keys: [ConfigKey] = [
    ConfigKey(
      "roles", .lists(maximumCount: maximumRoles, maximumItems: maximumGrants), .defaults("{}"),
      "the permissions of each role; a role of ours that the file does not name keeps its default"
    ).reloadable
  ]

  /// What `config show` and the checks that come later need beside the settings.
  struct Reading {
    var settings = PermissionSettings()
    var values: [ConfigValue] = []
    /// Where the file names a role; nil: it does not.
    var marks: [String: SourceMark] = [:]
  }

  /// Reads the file's root; a bad line leaves an issue.
  static func read(_ root: YAMLNode?, log: inout IssueLog) -> Reading {
    var reader = ConfigReader(keys: keys, log: log)
    var reading = Reading()
    var sources: [String: ConfigValue.Source] = [:]
    let top = reader.top(root)
    for (name, grants, source) in reader.lists("roles", in: top) {
      let known = grants.compactMap { grant(name.value, $0, &reader) }
      reading.marks[name.value] = name.mark
      sources[name.value] = source
      let role = Role(name.value, known)
      // One bad line is reported; what a role lacks because of it would be an echo of that.
      if name.value == BuiltInRoles.agent, known.count == grants.count, !role.permissions.contains(.taskExecute) {
        reader.log.add(
          .invalid, name.mark,
          "'roles.agent' must have task:execute: it is the role that tasks are run in. To stop work, disable the agents"
        )
      }
      reading.settings.set(role)
    }
    reading.values = reading.settings.roles.map { value($0, sources[$0.name] ?? .builtIn) }
    log = reader.log
    return reading
  }

  /// Nil: no permission of ours, which is reported.
  private static func grant(_ role: String, _ text: Placed<String>, _ reader: inout ConfigReader) -> String? {
    guard PermissionSet(pattern: text.value) == nil else { return text.value }
    reader.log.add(.invalid, text.mark, "'roles.\(role)': '\(text.shown)' is no permission\(hint(text.value))")
    return nil
  }

  private static func hint(_ text: String) -> String {
    let resources = Permission.allCases.map { String($0.resource) }.reduce(into: [String]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    let words = Permission.allCases.map(\.rawValue) + resources.map { $0 + ":*" } + ["*"]
    if let near = NearestName.of(text, among: words) { return "; did you mean '\(near)'?" }
    let resource = text.prefix { $0 != ":" }
    let actions = Permission.allCases.filter { $0.resource == resource }.map { String($0.action) }
    guard !actions.isEmpty else { return "; the resources are \(resources.joined(separator: ", "))" }
    return "; \(resource) has \(actions.joined(separator: ", "))"
  }
}

extension PermissionSettings.Reading {
  /// `path`: the file's.
  func place(of role: String, in path: String) -> ConfigIssue {
    let mark = marks[role]
    return ConfigIssue(file: path, line: mark?.line ?? 0, column: mark?.column ?? 0, code: .invalid, message: "")
  }

  /// The roles that read everybody's tasks although a narrower word stands beside it: the printed `user`.
  func readingAll(in path: String) -> [ConfigIssue] {
    settings.roles.filter { $0.grants.contains("task:read") && $0.grants.contains("task:read_own") }.map { role in
      var issue = place(of: role.name, in: path)
      issue.code = .roleReadsAll
      issue.message =
        "the role '\(role.name)' has task:read, which reads everybody's tasks; without that line task:read_own is left, "
        + "which reads one's own"
      return issue
    }
  }
}

/// What follows from roles beside the other files.
extension LoadedConfiguration {
  /// For a configuration that lets other machines near a role that everybody on this one has; nil: it has no such role.
  package var localRoleTooWideIssue: ConfigIssue? { permissions.isLocalOpen ? localRoleTooWide : nil }

  var localRoleTooWide: ConfigIssue {
    localIssue(
      .localRoleTooWide,
      "'roles.local' may do more than agent:status, and an address that is not loopback is listened on: what callers "
        + "without credentials may do is for this machine alone")
  }

  var localRoleOpen: ConfigIssue {
    localIssue(
      .localOpen,
      "'roles.local' may do more than agent:status: so may every user and program of this machine over loopback, and whoever "
        + "comes through a proxy on it that adds no header")
  }

  private func localIssue(_ code: ConfigIssue.Code, _ message: String) -> ConfigIssue {
    var issue = localPlace ?? ConfigIssue(file: "permissions.yaml", code: code, message: "")
    (issue.code, issue.message) = (code, message)
    return issue
  }

  /// What the agents' own lists of tools ask for and the role `agent` does not give. `path`: the file to name.
  func toolsWithoutRight(in path: String) -> [ConfigIssue] {
    agents.compactMap { agent in
      let lacking = agent.tools.compactMap { tool -> String? in
        let missing = ToolRights.missing(for: tool, in: permissions.agent)
        return missing.isEmpty ? nil : "\(tool) (\(missing.map(\.rawValue).joined(separator: ", ")))"
      }
      guard !lacking.isEmpty else { return nil }
      return ConfigIssue(
        file: path, code: .toolForbidden,
        message: "'agents.\(agent.id).tools': the role 'agent' of permissions.yaml does not allow "
          + lacking.joined(separator: "; ") + ": the agent gets no such tool")
    }
  }
}
