import AgentCore

/// The lines of a text file that a model asked for, cut at a bound that is stated, never silently.
struct FileExcerpt {
  /// Room for the last line: four numbers and a sentence.
  private static let noteBytes = 240
  private let bytes: [UInt8]
  /// Where each line begins.
  private let starts: [Int]
  private let limit: Int

  /// `bytes`: UTF-8. `limit`: of the text it gives, the note included.
  init(_ bytes: [UInt8], limit: Int = ToolOutcome.maximumBytes) {
    (self.bytes, self.limit) = (bytes, limit)
    var starts: [Int] = bytes.isEmpty ? [] : [0]
    bytes.withUnsafeBufferPointer { buffer in
      // A line break at the very end begins no further line.
      for index in 0..<max(0, buffer.count - 1) where buffer[index] == 0x0A { starts.append(index + 1) }
    }
    self.starts = starts
  }

  var lineCount: Int { starts.count }

  /// Lines `from` to `to`, counted from 1, both included. The whole file comes as it is; a part is followed by a line
  /// in brackets: `[lines 3-10 of 120]`, and where the bound cut it, how many bytes are missing and how to go on.
  func text(from: Int?, to: Int?) -> String {
    let first = from ?? 1
    let last = min(to ?? Int.max, lineCount)
    if first == 1, last == lineCount, bytes.count <= limit { return String(decoding: bytes, as: UTF8.self) }
    guard first <= last else { return "[the file has \(lineCount) lines; line \(first) is past its end]" }
    let start = starts[first - 1]
    let end = last < lineCount ? starts[last] : bytes.count
    let note = "[lines \(first)-\(last) of \(lineCount)]"
    if end - start + note.utf8.count + 1 <= limit { return noted(start..<end, note) }
    return cut(start..<end, first: first)
  }

  private func cut(_ range: Range<Int>, first: Int) -> String {
    let room = range.lowerBound + max(0, limit - Self.noteBytes)
    // The last line that fits whole; failing that, as many characters of the first as fit.
    let next = starts.lastIndex { $0 <= room } ?? 0
    if starts[next] > range.lowerBound {
      let missing = range.upperBound - starts[next]
      let note =
        "[lines \(first)-\(next) of \(lineCount); cut: \(missing) more bytes, go on with from_line \(next + 1)]"
      return noted(range.lowerBound..<starts[next], note)
    }
    var end = min(room, range.upperBound)
    while end > range.lowerBound, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    let missing = range.upperBound - end
    return noted(
      range.lowerBound..<end, "[line \(first) of \(lineCount), cut within the line: \(missing) more bytes]")
  }

  private func noted(_ range: Range<Int>, _ note: String) -> String {
    let text = String(decoding: bytes[range], as: UTF8.self)
    return bytes[range].last == 0x0A ? text + note : text + "\n" + note
  }
}

extension [UInt8] {
  /// True for UTF-8 without NUL.
  var isText: Bool { !contains(0) && String(validating: self, as: UTF8.self) != nil }

  /// Throws `file_not_text` for anything that is no text.
  func requireText(_ path: WorkspacePath) throws(WorkspaceError) {
    guard isText else { throw WorkspaceError(.fileNotText, "\(path.text): binary, or not UTF-8") }
  }
}
