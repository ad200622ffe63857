/// The bounds of everything that is done in workspaces.
package enum WorkspaceLimits {
  /// One file that is read, written or edited: it is held in memory whole, twice for an edit.
  package static let fileBytes = 16 << 20
  /// One workspace; past it writes are refused, so that one task cannot fill the disk.
  package static let workspaceBytes: Int64 = 1 << 30
  /// Files and folders in one workspace; a walk over as many takes about a second.
  package static let workspaceEntries = 100_000
  /// Files given at a task's creation, in all: the contract's number.
  package static let givenBytes = 8 << 20
  /// Files given at a task's creation: each costs an fsync, so more would hold the caller for minutes.
  package static let givenFiles = 1_000
  /// One path: the kernel's PATH_MAX.
  package static let pathBytes = 4_096
  /// One name: the kernel's NAME_MAX.
  package static let nameBytes = 255
  /// Folders above a file; deep enough for every honest tree, and a walk keeps its place in little memory.
  package static let depth = 64
  /// Entries of one folder that a listing shows.
  package static let listedEntries = 10_000
  /// Entries of one folder that are counted at all, shown or not: half a second of reading.
  package static let countedEntries = 1_000_000
  /// Files that one search looks into.
  package static let searchedFiles = 10_000
  /// Bytes that one search reads: a second or two of work.
  package static let searchedBytes = 256 << 20
  /// Lines that one search finds: more fill no model's context to any use.
  package static let foundLines = 1_000
  /// Bytes shown of one found line: a minified file is one line of a megabyte.
  package static let foundLineBytes = 500
  /// Tries of an open whose folders are being renamed meanwhile (EAGAIN): each is a lost race of microseconds.
  package static let openTries = 64
  /// One piece of a read, a write or a tar stream: between two of them a cancelled call notices.
  package static let chunkBytes = 256 << 10
  /// Workspaces that are looked at when orphans are removed; more are left to the next start.
  package static let countedWorkspaces = 10_000_000
}
