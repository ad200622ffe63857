import Testing

/// The rows of bad input and faults that this product answers for so far: what comes in, what must follow, and what must
/// not. Each has at least one test on the running binary, which says so by `.shows(…)`; `FaultTableTests` holds that.
enum FaultRow: String, CaseIterable {
  // HTTP
  case foreignSigns, eventIDs
  // JSON
  case batches, otherBody, queueFull, wrongState
  // Configuration
  case binds
  case configInvalid, configVariable, reloadRefused, foreignServices
  // Providers
  case providerUnreachable, providerTLS, providerTimeout, providerCut, providerStreamError, providerMalformed
  case providerTooLarge, providerSplit, providerCallIDs, providerTools, providerArguments, providerEndless
  case providerRejects, providerKey, providerFails, providerRetryAfter, providerStorm, providerEmpty, providerUsage
  case providerRedirect
  // Tools and files
  case paths, anchors, content, quota, privateAddresses, sealedOutput
  // Database and disk
  case diskFull, storageFails, slowSync, corrupt, foreignDatabase, lostCommits, notAlone, outsideLock, migration
  case openFolder
  // Packages
  case packageLife
  // Clock, memory, signals
  case clockJumps, stopped, killed, reloadSignals

  struct Entry {
    var fault: String
    var required: String
    /// Empty: nothing beyond what is required.
    var mustNot: String
    /// Those of the row's faults that must each have a test which names them.
    var parts: [String]

    init(_ fault: String, _ required: String, not mustNot: String = "", parts: [String] = []) {
      (self.fault, self.required, self.mustNot, self.parts) = (fault, required, mustNot, parts)
    }
  }

  var entry: Entry {
    switch self {
    case .foreignSigns:
      Entry(
        "foreign Host, Origin or proxy header without credentials, but for probes",
        "421 host_not_allowed or 401 unauthenticated", not: "pass for a local caller")
    case .eventIDs: Entry("Last-Event-ID: no number; too old", "400 bad_event_id; gap", not: "lose events silently")
    case .batches:
      Entry(
        "unknown agent; a batch over 1,000; one bad task in it",
        "422 agent_unknown; 413 batch_too_large; 422 with the index", not: "store half")
    case .otherBody: Entry("a key with another body", "422 idempotency_mismatch", not: "make a second task")
    case .queueFull: Entry("the queue is full", "429 queue_full with Retry-After", not: "grow")
    case .wrongState: Entry("cancel or retry in the wrong state", "409 task_finished, task_not_retryable")
    case .binds:
      Entry("port taken; an open bind", "1 address_in_use; 78 plaintext_refused", not: "take another port")
    case .paths:
      Entry(
        "`..`, absolute, link out, device, FIFO, hard link, swap race", "path_outside_workspace, not_regular_file")
    case .anchors: Entry("an edit's anchor is absent, or there twice", "edit_no_match, edit_ambiguous")
    case .content:
      Entry("binary, large, odd name", "file_not_text, file_too_large, name_invalid", not: "cut silently")
    case .quota: Entry("the workspace's quota is used up", "workspace_full", not: "stop the service")
    case .privateAddresses: Entry("private addresses, however written", "egress_denied", not: "connect")
    case .sealedOutput:
      Entry(
        "output with a sealed value of the task, escapes", "[sealed], escaped",
        not: "show it to a model, a log or a reader", parts: ["sealed value", "escapes"])
    default: storageEntry
    }
  }

  private var storageEntry: Entry {
    switch self {
    case .diskFull:
      Entry(
        "the disk is full", "507 disk_full; cancel, read and cleanup go on", not: "lose what was acknowledged")
    case .storageFails:
      Entry(
        "I/O errors; a read-only file system",
        "503 storage_io_error, storage_read_only; health within 2 s; back by itself",
        not: "acknowledge what is not synced")
    case .slowSync: Entry("a sync takes over a second", "WARN disk_slow, bounded queue")
    case .corrupt:
      Entry(
        "corrupt, or no database: at start; met later",
        "1 database_corrupt, names restore; 503 database_corrupt, reads go on", not: "write or repair")
    case .foreignDatabase: Entry("a newer schema; a foreign id", "1 schema_newer; database_foreign", not: "migrate")
    case .lostCommits:
      Entry(
        "the database is behind wal.position", "1 wal_missing, and accept-loss",
        not: "go back silently, or refuse a healthy start")
    case .notAlone:
      Entry(
        "a second process; NFS, SMB", "1 data_folder_in_use with the pid; 78 filesystem_unsupported",
        not: "have two writers")
    case .outsideLock: Entry("an outside sqlite3 holds the lock", "5 s, then 503 storage_busy")
    case .packageLife:
      Entry(
        "an upgrade is killed; a downgrade", "run again it completes; schema_newer", not: "lose conffiles",
        parts: ["upgrade killed", "conffiles", "downgrade"])
    case .migration: Entry("a migration fails, or is killed", "1 migration_failed, old data whole")
    case .openFolder: Entry("the data folder is open to others", "78 data_folder_permissions")
    case .clockJumps: Entry("the clock jumps, minutes or years", "clock_jumped, clock_behind", not: "fire twice")
    case .stopped: Entry("the process is stopped for a while", "timers fire once", not: "make up for it in a burst")
    case .killed: Entry("SIGKILL at any moment, power cut", "I1 to I9, I12, I13, I15, I17 and I18 hold")
    default: providerEntry
    }
  }
}

/// Says which row of the table a test shows, and which parts of it where the row has them.
struct ShownRow: TestTrait {
  let row: FaultRow
}

extension Trait where Self == ShownRow {
  static func shows(_ row: FaultRow, _ parts: String...) -> ShownRow { ShownRow(row: row) }
}
