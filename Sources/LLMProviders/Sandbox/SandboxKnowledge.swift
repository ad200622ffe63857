import AgentCore

/// What the tool calls so far have told, by file and folder.
struct SandboxKnowledge: Sendable {
  struct Attempt: Sendable, Hashable {
    var path: String
    /// Nil when it worked.
    var error: String?
  }
  struct Search: Sendable, Hashable {
    var needle: String
    /// The folder or file, `.` for all.
    var path: String
    var result: SandboxConversation.Outcome
  }

  private(set) var listings: [String: FolderListing] = [:]
  private(set) var listErrors: [String: String] = [:]
  private(set) var texts: [String: SandboxDocument] = [:]
  private(set) var readErrors: [String: String] = [:]
  private(set) var searches: [Search] = []
  private(set) var edits: [Attempt] = []
  private(set) var writes: [Attempt] = []

  init(_ uses: [SandboxConversation.ToolUse]) {
    for use in uses { take(use) }
  }

  private mutating func take(_ use: SandboxConversation.ToolUse) {
    let path = PathName.normalised(use.call.arguments["path"]?.stringValue ?? ".")
    // A call whose result is missing (a conversation cut short) is not made again: that could go on for ever.
    let result = use.outcome ?? .failed("no result")
    switch (use.call.name, result) {
    case ("file.list", .text(let text)): listings[path] = FolderListing(folder: path, text: text)
    case ("file.list", .failed(let error)): listErrors[path] = error
    case ("file.read", .text(let text)): texts[path] = SandboxDocument(path: path, result: text)
    case ("file.read", .failed(let error)): readErrors[path] = error
    case ("file.search", _):
      let needle = use.call.arguments["pattern"]?.stringValue ?? ""
      searches.append(Search(needle: needle, path: path, result: result))
    case ("file.edit", _): edits.append(Attempt(path: path, error: Self.error(result)))
    case ("file.write", _): writes.append(Attempt(path: path, error: Self.error(result)))
    default: break
    }
  }

  private static func error(_ result: SandboxConversation.Outcome) -> String? {
    if case .failed(let error) = result { error } else { nil }
  }

  func isListed(_ path: String) -> Bool { listings[path] != nil || listErrors[path] != nil }
  func isRead(_ path: String) -> Bool { texts[path] != nil || readErrors[path] != nil }

  /// Every file that a listing named, folders apart.
  var knownFiles: [String] {
    Set(listings.values.flatMap(\.entries).filter { !$0.isFolder }.map(\.path)).sorted()
  }
  var knownFolders: [String] {
    Set(listings.values.flatMap(\.entries).filter(\.isFolder).map(\.path)).sorted()
  }
}
