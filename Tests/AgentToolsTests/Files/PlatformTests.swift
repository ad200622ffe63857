import AgentTestKit
import CPlatform
import Foundation
import Glibc
import Testing

@Suite("Calls to the platform")
struct PlatformTests {
  @Test("a lock on a file keeps a second opener out until it is given back")
  func lock() throws {
    let folder = try TemporaryFolder("platform")
    let path = folder.appending("lock")
    let first = open(path, O_CREAT | O_RDWR, 0o600)
    let second = open(path, O_RDWR)
    defer { close(second) }
    #expect(cplatform_lock(first) == 0)
    #expect(cplatform_lock(second) == EAGAIN)
    // Closing another descriptor of the file drops POSIX locks, but not this one.
    close(open(path, O_RDWR))
    #expect(cplatform_lock(second) == EAGAIN)
    #expect(cplatform_unlock(first) == 0)
    #expect(cplatform_lock(second) == 0)
    #expect(cplatform_lock(first) == EAGAIN)
    close(first)
    #expect(cplatform_lock(-1) == EBADF)
  }

  @Test("a file has an inode and a birth time, and a file system a magic number")
  func identity() throws {
    let folder = try TemporaryFolder("platform")
    var (inode, birth, magic) = (UInt64(0), Int64(0), UInt64(0))
    var status = stat()
    #expect(stat(folder.path, &status) == 0)
    #expect(cplatform_identity(folder.path, &inode, &birth) == 0)
    #expect(inode == UInt64(status.st_ino) && (birth > 0 || birth == -1))
    #expect(cplatform_filesystem("/proc", &magic) == 0)
    #expect(magic == 0x9FA0)
    #expect(cplatform_identity(folder.appending("gone"), &inode, &birth) == ENOENT)
    #expect(cplatform_filesystem(folder.appending("gone"), &magic) == ENOENT)
  }

  @Test("the kernel names the peer of a unix socket and its groups")
  func peer() {
    var pair: [Int32] = [0, 0]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
    defer { for socket in pair { close(socket) } }
    var (pid, uid, gid) = (Int32(0), UInt32.max, UInt32.max)
    #expect(cplatform_peer_credentials(pair[0], &pid, &uid, &gid) == 0)
    #expect(pid == getpid() && uid == geteuid() && gid == getegid())
    var groups = [UInt32](repeating: 0, count: 65_536)
    var count = UInt32(groups.count)
    #expect(cplatform_peer_groups(pair[0], &groups, &count) == 0)
    #expect(Int32(count) == getgroups(0, nil))
    if count > 0 {
      var none: UInt32 = 0
      #expect(cplatform_peer_groups(pair[0], &groups, &none) == ERANGE)
      #expect(none == count)
    }
    #expect(cplatform_peer_credentials(-1, &pid, &uid, &gid) == EBADF)
  }

  @Test("the time since boot only grows")
  func boottime() {
    let first = cplatform_boottime_nanoseconds()
    #expect(first > 0)
    #expect(cplatform_boottime_nanoseconds() >= first)
  }
}
