import Glibc

/// A small file that is replaced as a whole: after a crash it is the old one or the new one, never a mixture.
package struct DurableFile: Sendable {
  private let folder: String
  private let name: String
  private let mode: mode_t

  /// `mode` are the permission bits that every new one gets, whatever the umask.
  package init(folder: String, name: String, mode: mode_t) {
    (self.folder, self.name, self.mode) = (folder, name, mode)
  }

  private var path: String { folder + "/" + name }

  /// The file's first `limit` bytes; nil when there is none. A symbolic link is not followed.
  package func read(limit: Int) throws(FileFailure) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw FileFailure("opened", name)
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: limit)
    var count = 0
    while count < limit {
      let got = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress?.advanced(by: count), limit - count, off_t(count))
      }
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else {
        let failure = FileFailure("read", name)
        wipe(&bytes)
        throw failure
      }
      if got == 0 { break }
      count += got
    }
    // In place: what is read may be a key, which the caller wipes, and a copy would stay behind.
    bytes.removeLast(limit - count)
    return bytes
  }

  /// Writes a new file beside it, syncs that, renames it over the old one, and syncs the folder. Where that fails the new
  /// file is taken away again.
  package func replace(with bytes: [UInt8]) throws(FileFailure) {
    let temporary = path + ".new"
    // One that a kill has left may be closed to writing; one that somebody else puts there is none of ours.
    let isClosed = mode & 0o200 == 0
    if isClosed { unlink(temporary) }
    let descriptor = open(
      temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | (isClosed ? O_EXCL : 0),
      mode)
    guard descriptor >= 0 else { throw FileFailure("created", name) }
    var failure: FileFailure?
    if !Self.writeAll(bytes, to: descriptor) || fchmod(descriptor, mode) != 0 || fsync(descriptor) != 0 {
      failure = FileFailure("written", name)
    }
    if close(descriptor) != 0, failure == nil { failure = FileFailure("closed", name) }
    if failure == nil, rename(temporary, path) != 0 { failure = FileFailure("renamed", name) }
    if let failure {
      // What it holds may be a key, and nobody would look for one there.
      unlink(temporary)
      throw failure
    }
    let folderDescriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folderDescriptor >= 0 else { throw FileFailure("synced", name) }
    defer { close(folderDescriptor) }
    guard fsync(folderDescriptor) == 0 else { throw FileFailure("synced", name) }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        write(descriptor, $0.baseAddress?.advanced(by: written), bytes.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      written += count
    }
    return true
  }
}

/// What the operating system said about a file.
package struct FileFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// What was to be done, as a participle: `opened`.
  package var verb: String
  /// The file's name, without its folder.
  package var name: String
  /// `errno` of the call that failed.
  package var code: Int32

  /// Takes `errno` as it stands.
  package init(_ verb: String, _ name: String) { (self.verb, self.name, code) = (verb, name, errno) }

  package var description: String { "\(name) could not be \(verb): \(String(cString: strerror(code)))" }
}
