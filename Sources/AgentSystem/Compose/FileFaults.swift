#if DEBUG
import AgentCore
import CPlatform
import Foundation
import Synchronization

/// The crash test's trigger, in debug binaries only: dies by SIGKILL at the fault point whose name the file named by
/// `AGENT_SYSTEM_FAULT_FILE` holds at that moment, after adding the point's name to `FILE.reached`. With `hold ` before
/// the name it hangs there instead, as long as the file says so.
final class FileFaults: FaultInjector {
  private let path: String
  let bug: DeliberateBug?

  init(path: String, bug: String?) { (self.path, self.bug) = (path, bug.flatMap(DeliberateBug.init)) }

  func reached(_ point: FaultPoint) {
    switch wanted {
    case "\(point)":
      note(point)
      cplatform_kill_self()
    case "hold \(point)":
      note(point)
      while wanted == "hold \(point)" { poll(nil, 0, Self.lookMilliseconds) }
    default: break
    }
  }

  /// Between two looks at the file.
  private static let lookMilliseconds: Int32 = 50

  private var wanted: String? {
    FileManager.default.contents(atPath: path).map {
      String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }

  private func note(_ point: FaultPoint) {
    let file = open(path + ".reached", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    let line = Array("\(point)\n".utf8)
    // The test counts a kill only when this line is there; a line that could not be written is a kill not counted.
    _ = write(file, line, line.count)
    close(file)
  }
}
#endif
