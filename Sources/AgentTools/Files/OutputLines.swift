import AgentCore

/// Lines for a model, cut at `ToolOutcome.maximumBytes` with a last line that says how much is missing.
struct OutputLines {
  /// Room for the last line: two numbers and a sentence.
  private static let noteBytes = 160
  private var lines: [String] = []
  private var bytes = 0
  /// Lines that came after the room was full.
  private var missingLines = 0
  private var missingBytes = 0
  private let limit: Int

  init(limit: Int = ToolOutcome.maximumBytes) { self.limit = limit }

  var isEmpty: Bool { lines.isEmpty }

  mutating func append(_ line: String) {
    // Each line costs its line break too, but for the last one.
    let size = line.utf8.count + 1
    if missingLines == 0, bytes + size - 1 <= limit {
      lines.append(line)
      bytes += size
    } else {
      missingLines += 1
      missingBytes += size
    }
  }

  /// All of it as one text, `notes` after the lines.
  func text(notes: [String] = []) -> String {
    var kept = lines
    var size = bytes
    var (cutLines, cutBytes) = (missingLines, missingBytes)
    let notesBytes = notes.reduce(0) { $0 + $1.utf8.count + 1 }
    if cutLines > 0 || size + notesBytes - 1 > limit {
      while size + notesBytes + Self.noteBytes > limit, let line = kept.popLast() {
        size -= line.utf8.count + 1
        cutLines += 1
        cutBytes += line.utf8.count + 1
      }
    }
    if cutLines > 0 { kept.append("[cut here: \(cutLines) more lines, \(cutBytes) bytes]") }
    return (kept + notes).joined(separator: "\n")
  }
}
