/// Bounds on what the sandbox does for one prompt.
enum SandboxLimits {
  /// Replies with tool calls before it has to answer with what it has: lists, two descents, reads, their alternatives,
  /// a search, a write, and a few to spare.
  static let toolTurns = 11
  /// Files read for one answer: enough for a folder of documents, few enough for every context.
  static let filesRead = 8
  /// Bytes of the files of a folder read for one answer: they stay in the conversation until it ends, and a usual
  /// context holds 100,000 tokens.
  static let bytesRead = 192 * 1024
  /// Folders listed for one answer.
  static let foldersListed = 10
  /// How far below a named folder it looks.
  static let folderDepth = 3
  /// Calls in one reply.
  static let callsInTurn = 8
  /// Rows of a table or entries of a list in an answer.
  static let rows = 100
  /// Characters shown of one found line or error.
  static let lineCharacters = 200
  /// An answer keeps at least this many bytes, whatever the request's limit is: below it nothing readable is left.
  static let minimumAnswerBytes = 1024
}
