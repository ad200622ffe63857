import Glibc

/// An open file or folder that is closed when its one owner goes.
package struct OwnedDescriptor: ~Copyable, Sendable {
  package let number: Int32

  /// Takes over an open descriptor.
  package init(_ number: Int32) { self.number = number }

  deinit { close(number) }

  /// What the file system says of it now. Throws `io_error`.
  package func status(_ what: String) throws(WorkspaceError) -> stat {
    var status = stat()
    guard fstat(number, &status) == 0 else { throw WorkspaceError(errno: errno, what) }
    return status
  }

  /// Returns when it is on the disk. Throws `io_error` or `disk_full`.
  package func synchronize(_ what: String) throws(WorkspaceError) {
    guard fsync(number) == 0 else { throw WorkspaceError(errno: errno, what) }
  }

  /// Reads from the current position to the end. Throws `file_too_large` past `limit` bytes, `cancelled`, `io_error`.
  package func readToEnd(limit: Int, ticket: WorkTicket, _ what: String) throws(WorkspaceError) -> [UInt8] {
    // What it holds now, and one byte that tells the end: most files are small, and one read does.
    let expected = min(limit, max(0, Int(try status(what).st_size))) + 1
    var bytes: [UInt8] = []
    bytes.reserveCapacity(expected)
    while true {
      try ticket.checkCancellation()
      // One byte past the limit tells a file that is too large from one that just fits.
      let wanted = bytes.count < expected ? expected - bytes.count : limit + 1 - bytes.count
      let piece = try read(upTo: min(WorkspaceLimits.chunkBytes, wanted), what)
      if piece.isEmpty { return bytes }
      bytes += piece
      if bytes.count > limit { throw WorkspaceError(.fileTooLarge, "\(what): over \(limit) bytes") }
    }
  }

  /// One piece from the current position; empty at the end. Throws `io_error`.
  package func read(upTo count: Int, _ what: String) throws(WorkspaceError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      let result = retryingInterrupts { Glibc.read(number, buffer.baseAddress, count) }
      if result < 0 { failure = errno }
      filled = max(0, result)
    }
    if failure != 0 { throw WorkspaceError(errno: failure, what) }
    return bytes
  }

  /// Writes all of it at the current position. Throws `cancelled`, `disk_full`, `io_error`.
  package func write(_ bytes: [UInt8], ticket: WorkTicket, _ what: String) throws(WorkspaceError) {
    var position = 0
    while position < bytes.count {
      try ticket.checkCancellation()
      let count = min(WorkspaceLimits.chunkBytes, bytes.count - position)
      var failure: Int32 = 0
      let written = bytes[position..<position + count].withUnsafeBytes { buffer in
        let result = retryingInterrupts { Glibc.write(number, buffer.baseAddress, buffer.count) }
        if result < 0 { failure = errno }
        return result
      }
      guard written >= 0 else { throw WorkspaceError(errno: failure, what) }
      position += written
    }
  }
}

/// Repeats a call that a signal cut short before it did anything.
private func retryingInterrupts(_ call: () -> Int) -> Int {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}

extension [UInt8] {
  /// The bytes as a C string. A path with NUL never gets this far.
  var cPath: [CChar] { map { CChar(bitPattern: $0) } + [0] }
}
