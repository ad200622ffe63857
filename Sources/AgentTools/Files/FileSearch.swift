import AgentCore

/// One search in progress: what was found, and what its bounds left out.
struct FileSearch {
  private let pattern: [UInt8]
  private let filter: SealedFilter
  private var lines = OutputLines()
  private var foundLines = 0
  private var files = 0
  private var bytes = 0
  private var skippedFiles = 0
  private var notes: [String] = []

  /// `filter`: what no line is to show, and no pattern to find.
  init(pattern: [UInt8], filter: SealedFilter = SealedFilter()) { (self.pattern, self.filter) = (pattern, filter) }

  /// Looks into one entry of a walk. Throws `cancelled`.
  mutating func look(
    into entry: FolderEntry, of folder: borrowing WorkspaceFolder, ticket: WorkTicket
  ) throws(WorkspaceError) -> WalkStep {
    if entry.kind == .folder || TemporaryNames.isReserved(entry.name) { return .goOn }
    if let bound = reachedBound {
      notes.append("[stopped after \(bound); \(entry.shownPath) and what follows was not searched]")
      return .stop
    }
    guard entry.isReadable, entry.size <= WorkspaceLimits.fileBytes else {
      skippedFiles += 1
      return .goOn
    }
    do throws(WorkspaceError) {
      let content = try folder.openFile(entry.path, followingLinks: false)
        .readToEnd(limit: WorkspaceLimits.fileBytes, ticket: ticket, entry.shownPath)
      if content.isText {
        look(into: content, path: entry.shownPath)
      } else {
        // Reading it took as long as a text would have.
        bytes += content.count
        skippedFiles += 1
      }
    } catch {
      if error.code == .cancelled { throw error }
      // Gone, replaced or grown since the walk saw it.
      skippedFiles += 1
    }
    return .goOn
  }

  private var reachedBound: String? {
    if foundLines >= WorkspaceLimits.foundLines { return "\(foundLines) found lines" }
    if files + skippedFiles >= WorkspaceLimits.searchedFiles { return "\(files + skippedFiles) files" }
    if bytes >= WorkspaceLimits.searchedBytes { return "\(bytes) bytes" }
    return nil
  }

  /// Takes in what the walk itself left out.
  mutating func note(_ report: WalkReport) {
    if report.isCut { notes.append("[there are more than \(WorkspaceLimits.workspaceEntries) files and folders]") }
    if report.skippedFolders > 0 { notes.append("[\(report.skippedFolders) folders could not be opened]") }
  }

  /// Finds the lines of one text.
  mutating func look(into given: [UInt8], path: String) {
    let content = filter.filtered(given)
    files += 1
    bytes += content.count
    var found: [(line: Int, range: Range<Int>)] = []
    let room = WorkspaceLimits.foundLines - foundLines
    var isCut = false
    var (line, lineStart, position) = (1, 0, 0)
    while let match = content.firstOccurrence(of: pattern, from: position) {
      guard found.count < room else {
        isCut = true
        break
      }
      while let end = content.firstOccurrence(of: [0x0A], from: lineStart), end < match {
        (line, lineStart) = (line + 1, end + 1)
      }
      let end = content.firstOccurrence(of: [0x0A], from: match) ?? content.count
      found.append((line, lineStart..<end))
      position = end
    }
    foundLines += found.count
    for (line, range) in found { lines.append("\(path):\(line): \(Self.shown(content[range]))") }
    if isCut { notes.append("[stopped after \(foundLines) found lines; there are more in \(path)]") }
  }

  /// The lines and, after them, what was left out.
  var text: String {
    var notes = notes
    if skippedFiles > 0 { notes.append("[\(skippedFiles) files passed over: links, special, binary or over 16 MiB]") }
    if lines.isEmpty { notes.insert("[no line contains it; files searched: \(files)]", at: 0) }
    return lines.text(notes: notes)
  }

  /// A found line, shortened at a whole character.
  private static func shown(_ line: ArraySlice<UInt8>) -> String {
    let line = line.last == 0x0D ? line.dropLast() : line
    guard line.count > WorkspaceLimits.foundLineBytes else { return String(decoding: line, as: UTF8.self) }
    var end = line.startIndex + WorkspaceLimits.foundLineBytes
    while end > line.startIndex, line[end] & 0xC0 == 0x80 { end -= 1 }
    return String(decoding: line[..<end], as: UTF8.self) + " [+\(line.endIndex - end) bytes]"
  }
}
