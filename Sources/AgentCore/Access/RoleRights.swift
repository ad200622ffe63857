import Synchronization

/// What one role may do, as it is in force: a reload changes it for whoever holds this.
package final class RoleRights: Sendable {
  private let state: Mutex<PermissionSet>

  package init(_ permissions: PermissionSet) { state = Mutex(permissions) }

  package var permissions: PermissionSet {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}

/// Which permissions the calls of a tool need: the role `agent` must have them all, whatever the agent's own list says.
package enum ToolRights {
  private static let table: [String: [Permission]] = [
    "file.list": [.fileRead], "file.read": [.fileRead], "file.search": [.fileRead], "file.write": [.fileWrite],
    // Its errors tell whether a text stands in the file.
    "file.edit": [.fileRead, .fileWrite], "http.request": [.httpRequest],
  ]

  /// The tools that the table knows, ascending.
  package static let tools = table.keys.sorted()

  /// What the role lacks for that tool; empty: its calls may be made. A tool that the table lacks needs everything.
  package static func missing(for tool: String, in permissions: PermissionSet) -> [Permission] {
    guard let needed = table[tool] else { return permissions == .everything ? [] : Permission.allCases }
    return needed.filter { !permissions.contains($0) }
  }
}
