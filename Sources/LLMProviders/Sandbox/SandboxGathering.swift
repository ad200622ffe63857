import AgentConfig
import AgentCore

/// Finds and reads the files that an order is about: what to list or read next, and what came of it so far.
struct SandboxGathering {
  struct Failure: Sendable, Hashable {
    var path: String
    var error: String
  }

  private let order: SandboxOrder
  private let knowledge: SandboxKnowledge
  private let offered: Set<String>
  /// Files to work on, in order, each once.
  private(set) var documents: [SandboxDocument] = []
  /// Folders whose listings the order is about.
  private(set) var folders: [String] = []
  private(set) var failures: [Failure] = []
  /// What to call next; empty when all is gathered.
  private(set) var calls: [SandboxScript.Call] = []

  init(order: SandboxOrder, knowledge: SandboxKnowledge, offered: Set<String>) {
    (self.order, self.knowledge, self.offered) = (order, knowledge, offered)
    for source in order.sources { resolve(source) }
    if order.isAppending, let target = order.target, !knowledge.isRead(target),
      offered.contains("file.read")
    {
      call("file.read", target)
    }
    let isGiven = !order.actions.isEmpty && order.actions.isSubset(of: [.create, .append])
    let spoken = order.focus.subtracting(order.needles.flatMap { TextTerms.terms(of: $0) })
    let isSearchOfAll =
      order.actions == [.search] && offered.contains("file.search") && order.names.isEmpty && spoken.isEmpty
    if order.sources.isEmpty, order.pasted == nil, !isGiven, !isSearchOfAll { resolveUnnamed() }
    calls = Array(calls.prefix(SandboxLimits.callsInTurn))
  }

  // MARK: named sources

  private mutating func resolve(_ source: String) {
    let path = PathName.normalised(source)
    if knowledge.texts[path] != nil { return add(path) }
    if knowledge.listings[path] != nil { return takeFolder(path) }
    let looksLikeFolder = source.hasSuffix("/") || path == "." || SandboxDocument.Kind(path: path) == .other
    let isFolderFirst = looksLikeFolder && !PathName.hasExtension(PathName.last(path))
    let attempts: [(tool: String, isTried: Bool)] = [
      ("file.list", knowledge.isListed(path)), ("file.read", knowledge.isRead(path)),
    ]
    for attempt in isFolderFirst ? attempts : attempts.reversed()
    where !attempt.isTried && offered.contains(attempt.tool) {
      // A name with an ending that cannot be read is listed only when the error says that it is a folder.
      if attempt.tool == "file.list", !isFolderFirst, !isFolderError(knowledge.readErrors[path]) { continue }
      return call(attempt.tool, path)
    }
    findElsewhere(path)
  }

  private func isFolderError(_ error: String?) -> Bool {
    guard let error = error?.lowercased() else { return false }
    return ["directory", "folder", "not_regular", "is_dir"].contains { error.contains($0) }
      && !error.contains("no such")
  }

  /// A file that is not where the prompt has it: the same name in another spelling or another folder, if there is
  /// exactly one, is what was meant.
  private mutating func findElsewhere(_ path: String) {
    let failure = Failure(
      path: path,
      error: knowledge.readErrors[path] ?? knowledge.listErrors[path]
        ?? order.language("the tool it needs is not offered", "没有提供所需的工具"))
    // Outside of the workspace there is nothing to look for.
    guard offered.contains("file.list"), !failure.error.contains("path_outside") else {
      return failures.append(failure)
    }
    let parent = PathName.parent(path)
    for folder in Set([parent, "."]).sorted(by: >) where !knowledge.isListed(folder) {
      return call("file.list", folder)
    }
    if let found = alternative(to: path) {
      if knowledge.texts[found] != nil { return add(found) }
      if !knowledge.isRead(found), offered.contains("file.read") { return call("file.read", found) }
      return failures.append(failure)
    }
    let unlisted = knowledge.knownFolders.filter { !knowledge.isListed($0) && isVisible($0) }
    let room = SandboxLimits.foldersListed - knowledge.listings.count - knowledge.listErrors.count
    guard room > 0, !unlisted.isEmpty else { return failures.append(failure) }
    for folder in unlisted.prefix(room) { call("file.list", folder) }
  }

  private func alternative(to path: String) -> String? {
    let name = PathName.last(path).lowercased()
    let same = knowledge.knownFiles.filter { PathName.last($0).lowercased() == name }
    if same.count == 1 { return same.first }
    // `README` for `README.md`; never another ending than the one that was asked for.
    let stems = knowledge.knownFiles.filter {
      PathName.stem($0) == name && PathName.parent($0) == PathName.parent(path)
    }
    return stems.count == 1 ? stems.first : nil
  }

  // MARK: folders

  private mutating func resolveUnnamed() {
    guard offered.contains("file.list") else {
      if order.needsTexts || order.actions.contains(.list) {
        failures.append(
          Failure(path: ".", error: order.language("file.list is not offered to this agent", "该智能体没有 file.list 工具")))
      }
      return
    }
    if let error = knowledge.listErrors["."] { return failures.append(Failure(path: ".", error: error)) }
    guard let top = knowledge.listings["."] else { return call("file.list", ".") }
    let meant = top.entries.filter { isMeant($0.path) }
    guard !meant.isEmpty else { return takeFolder(".") }
    for entry in meant.prefix(SandboxLimits.filesRead) { resolve(entry.isFolder ? entry.path + "/" : entry.path) }
  }

  /// Whether the prompt speaks of this entry without writing its full name.
  private func isMeant(_ path: String) -> Bool {
    guard path != order.target else { return false }
    let stem = PathName.stem(path)
    if order.names.contains(stem) { return true }
    if let term = TextTerms.term(of: stem), order.focus.contains(term) { return true }
    let han = TextTerms.terms(of: stem).filter { $0.unicodeScalars.allSatisfy(\.isHan) }
    return !han.isEmpty && han.allSatisfy(order.focus.contains)
  }

  private mutating func takeFolder(_ folder: String) {
    if !folders.contains(folder) { folders.append(folder) }
    let isWide = order.needsTexts || order.isRecursive || needsTextsForSearch
    guard isWide else { return }
    let below = knowledge.listings[folder]?.entries ?? []
    let files = filesBelow(folder)
    let depth = folder == "." ? 0 : folder.split(separator: "/").count
    let unlisted = (below.map(\.path) + knowledge.knownFolders.filter { isBelow($0, folder) }).filter { path in
      knowledge.knownFolders.contains(path) && !knowledge.isListed(path) && isVisible(path)
        && path.split(separator: "/").count - depth <= SandboxLimits.folderDepth
    }
    let room = SandboxLimits.foldersListed - knowledge.listings.count - knowledge.listErrors.count
    if files.count < SandboxLimits.filesRead || order.isRecursive, room > 0, !unlisted.isEmpty {
      for path in Set(unlisted).sorted().prefix(room) { call("file.list", path) }
      return
    }
    guard order.needsTexts || needsTextsForSearch else { return }
    for path in affordable(ranked(files)) {
      if knowledge.texts[path] != nil {
        add(path)
      } else if let error = knowledge.readErrors[path] {
        failures.append(Failure(path: path, error: error))
      } else if offered.contains("file.read") {
        call("file.read", path)
      }
    }
  }

  private var needsTextsForSearch: Bool { order.actions.contains(.search) && !offered.contains("file.search") }

  private func isBelow(_ path: String, _ folder: String) -> Bool { folder == "." || path.hasPrefix(folder + "/") }

  private func isVisible(_ path: String) -> Bool {
    let name = PathName.last(path)
    return !name.hasPrefix(".") && !["node_modules", "vendor", "build", "dist", "target"].contains(name)
  }

  private func filesBelow(_ folder: String) -> [String] {
    knowledge.knownFiles.filter { isBelow($0, folder) && $0 != order.target && isVisible($0) }
      .filter { SandboxDocument.Kind(path: $0) != .unreadable }
  }

  /// As many as may be read and fit together into one conversation, one at least.
  private func affordable(_ files: [String]) -> [String] {
    let sizes = Dictionary(
      knowledge.listings.values.flatMap(\.entries).map { ($0.path, $0.bytes ?? 0) },
      uniquingKeysWith: { first, _ in first })
    var room = SandboxLimits.bytesRead
    var chosen: [String] = []
    for path in files where chosen.count + documents.count < SandboxLimits.filesRead {
      let size = sizes[path] ?? 0
      guard size <= room || chosen.isEmpty && documents.isEmpty else { continue }
      room -= size
      chosen.append(path)
    }
    return chosen
  }

  /// The most telling first: what the prompt speaks of, then a README, then by kind, depth and name.
  private func ranked(_ files: [String]) -> [String] {
    func rank(_ path: String) -> [Int] {
      [
        isMeant(path) ? 0 : 1, PathName.stem(path) == "readme" ? 0 : 1, SandboxDocument.Kind(path: path).rawValue,
        path.split(separator: "/").count,
      ]
    }
    return files.map { (rank($0), $0) }.sorted { left, right in
      left.0 == right.0 ? left.1 < right.1 : left.0.lexicographicallyPrecedes(right.0)
    }.map(\.1)
  }

  // MARK: results

  private mutating func add(_ path: String) {
    guard let document = knowledge.texts[path], !documents.contains(where: { $0.path == path }) else { return }
    documents.append(document)
  }

  private mutating func call(_ tool: String, _ path: String) {
    let call = SandboxScript.Call(name: tool, arguments: ["path": .string(path)])
    if !calls.contains(call) { calls.append(call) }
  }
}
