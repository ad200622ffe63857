import AgentTestKit
import Foundation

/// The most memory that the process has had in RAM.
extension ServiceProcess {
  /// Since the start, or since `forgetPeak`.
  func peakBytes() throws -> Int {
    let lines = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8).split(separator: "\n")
    guard let words = lines.first(where: { $0.hasPrefix("VmHWM:") })?.split(whereSeparator: \.isWhitespace),
      words.count > 1, let kibibytes = Int(words[1])
    else { throw NotReady(description: "no VmHWM in the status of \(pid)") }
    return kibibytes << 10
  }

  func forgetPeak() throws {
    try Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/\(pid)/clear_refs"))
  }
}
