import AgentCore
import Vault

/// What `FOLDER/wal.position` records of a commit that was on disk before it, so that the next start sees when the
/// database has fallen behind what was acknowledged: the WAL lost, an older file put back.
///
/// On disk: `{"at":1764027053120,"commit_number":17,"installation":…,"next_seq":51,"next_task":9}`.
struct WALPosition: Sendable, Hashable {
  var installation: Int64
  var commitNumber: Int64
  var nextTask: Int64
  var nextSequence: Int64
  /// UTC milliseconds.
  var at: Int64

  init(_ state: CommitState) {
    installation = state.installation
    commitNumber = state.commitNumber
    nextTask = state.nextTask
    nextSequence = state.lastSequence + 1
    at = state.lastAt
  }

  private init?(_ json: JSONValue) {
    guard let installation = json["installation"]?.integerValue, let number = json["commit_number"]?.integerValue,
      let nextTask = json["next_task"]?.integerValue, let nextSequence = json["next_seq"]?.integerValue,
      let at = json["at"]?.integerValue
    else { return nil }
    (self.installation, commitNumber, self.nextTask) = (installation, number, nextTask)
    (self.nextSequence, self.at) = (nextSequence, at)
  }

  private var json: JSONValue {
    .object([
      "installation": .integer(installation), "commit_number": .integer(commitNumber),
      "next_task": .integer(nextTask), "next_seq": .integer(nextSequence), "at": .integer(at),
    ])
  }

  /// The file that holds it.
  struct File: Sendable {
    private let file: DurableFile

    init(folder: String) { file = DurableFile(folder: folder, name: "wal.position", mode: 0o600) }

    /// Nil when there is none, or when it is no position: a torn one cannot be, the rename sees to that.
    func read() throws(FileFailure) -> WALPosition? {
      guard let bytes = try file.read(limit: Self.maximumBytes) else { return nil }
      // Whatever else stands there tells nothing, and must not keep a healthy database from starting.
      guard let json = try? JSONValue(parsing: bytes) else { return nil }
      return WALPosition(json)
    }

    func write(_ position: WALPosition) throws(FileFailure) { try file.replace(with: position.json.encoded()) }

    /// Five numbers need less than 200 bytes.
    private static let maximumBytes = 4096
  }
}
