import Foundation
import Synchronization

/// Looks, whenever it is asked to, at the argument list and the environment of a process and of all that it has started.
final class ProcessWatch: Sendable {
  private struct State {
    var pid: Int32?
    var looks = 0
    var family: Set<Int32> = []
    var found: [String: [String]] = [:]
  }
  private let state = Mutex(State())
  private let secrets: PlantedSecrets

  init(_ secrets: PlantedSecrets) { self.secrets = secrets }

  func follow(_ pid: Int32) { state.withLock { $0.pid = pid } }

  var looks: Int { state.withLock(\.looks) }
  /// All that it has seen, the process itself among them.
  var family: Set<Int32> { state.withLock(\.family) }
  /// Secrets by the file that they stood in.
  var found: [String: [String]] { state.withLock(\.found) }

  func look() {
    state.withLock { state in
      guard let pid = state.pid else { return }
      state.looks += 1
      for member in Self.family(of: pid) {
        state.family.insert(member)
        for file in ["cmdline", "environ"] {
          let bytes = FileManager.default.contents(atPath: "/proc/\(member)/\(file)") ?? Data()
          let found = secrets.found(in: Array(bytes))
          if !found.isEmpty { state.found["\(file) of \(member)"] = found }
        }
      }
    }
  }

  private static func family(of pid: Int32) -> Set<Int32> {
    let all = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
    let parents = Dictionary(
      all.compactMap { pid in parent(of: pid).map { (pid, $0) } }, uniquingKeysWith: { first, _ in first })
    var family: Set<Int32> = [pid]
    var isGrowing = true
    while isGrowing {
      let children = parents.filter { family.contains($0.value) && !family.contains($0.key) }.keys
      family.formUnion(children)
      isGrowing = !children.isEmpty
    }
    return family
  }

  /// Nil for one that is gone by now.
  private static func parent(of pid: Int32) -> Int32? {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
    // The name, in brackets, may hold anything; state and parent follow it (proc_pid_stat(5)).
    return text.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap { Int32($0) }
  }
}
