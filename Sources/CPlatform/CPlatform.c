#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

const int cplatform_path_only = O_PATH;

// glibc 2.36 has no wrapper.
static int openat2_checked(int folder, const char *path, int flags, uint32_t mode, uint64_t resolve) {
    struct open_how how;
    memset(&how, 0, sizeof how);
    how.flags = (uint64_t)(uint32_t)flags;
    // The kernel refuses a mode where nothing is created.
    how.mode = (flags & O_CREAT) ? mode : 0;
    how.resolve = resolve;
    long result = syscall(SYS_openat2, folder, path, &how, sizeof how);
    return result < 0 ? -errno : (int)result;
}

int cplatform_open_beneath(int folder, const char *path, int flags, uint32_t mode, int follow_links) {
    uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    if (!follow_links) resolve |= RESOLVE_NO_SYMLINKS;
    return openat2_checked(folder, path, flags, mode, resolve);
}

int cplatform_open_without_links(const char *path, int flags) {
    return openat2_checked(AT_FDCWD, path, flags, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

int cplatform_rename(int folder, const char *from, const char *to, int replace) {
    return renameat2(folder, from, folder, to, replace ? 0 : RENAME_NOREPLACE) == 0 ? 0 : errno;
}

int cplatform_peer_credentials(int socket, int32_t *pid, uint32_t *uid, uint32_t *gid) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return errno;
    *pid = peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return 0;
}

int cplatform_peer_groups(int socket, uint32_t *groups, uint32_t *count) {
    socklen_t length = (socklen_t)(*count * sizeof(gid_t));
    int result = getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &length) == 0 ? 0 : errno;
    if (result == 0 || result == ERANGE) *count = (uint32_t)(length / sizeof(gid_t));
    return result;
}

static int set_lock(int file, short type) {
    struct flock whole;
    memset(&whole, 0, sizeof whole);
    whole.l_type = type;
    whole.l_whence = SEEK_SET;
    return fcntl(file, F_OFD_SETLK, &whole) == 0 ? 0 : errno;
}

int cplatform_lock(int file) { return set_lock(file, F_WRLCK); }
int cplatform_unlock(int file) { return set_lock(file, F_UNLCK); }

int cplatform_identity(const char *path, uint64_t *inode, int64_t *birth_nanoseconds) {
    struct statx status;
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &status) != 0) return errno;
    *inode = status.stx_ino;
    *birth_nanoseconds = (status.stx_mask & STATX_BTIME)
        ? (int64_t)status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec
        : -1;
    return 0;
}

int cplatform_filesystem(const char *path, uint64_t *magic) {
    struct statfs status;
    if (statfs(path, &status) != 0) return errno;
    // Some architectures sign the field; a magic number has 32 bits.
    *magic = (uint64_t)(uint32_t)status.f_type;
    return 0;
}

int64_t cplatform_boottime_nanoseconds(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) return -1;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void cplatform_kill_self(void) { kill(getpid(), SIGKILL); }

ptrdiff_t cplatform_find(const void *bytes, size_t count, const void *part, size_t part_count) {
    const char *match = memmem(bytes, count, part, part_count);
    return match ? match - (const char *)bytes : -1;
}

int cplatform_give_back_large_blocks(size_t bytes) {
#ifdef M_MMAP_THRESHOLD
    return mallopt(M_MMAP_THRESHOLD, (int)bytes) == 1 ? 0 : EINVAL;
#else
    return ENOTSUP;
#endif
}

int cplatform_send_datagram(const char *address, const void *bytes, size_t count) {
    struct sockaddr_un to;
    size_t length = strlen(address);
    if ((address[0] != '/' && address[0] != '@') || length < 2 || length >= sizeof to.sun_path) return EINVAL;
    memset(&to, 0, sizeof to);
    to.sun_family = AF_UNIX;
    memcpy(to.sun_path, address, length);
    if (address[0] == '@') to.sun_path[0] = 0;
    int socket_file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_file < 0) return errno;
    struct timeval patience = {.tv_sec = 5, .tv_usec = 0};
    setsockopt(socket_file, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    // The length of an abstract name counts: trailing zeros would be part of it.
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    ssize_t sent;
    do {
        sent = sendto(socket_file, bytes, count, MSG_NOSIGNAL, (struct sockaddr *)&to, size);
    } while (sent < 0 && errno == EINTR);
    int result = sent == (ssize_t)count ? 0 : errno;
    close(socket_file);
    return result;
}

// Its groups, as a login would have them.
static int take_groups(uint32_t uid, gid_t own) {
    struct passwd *user = getpwuid(uid);
    return (user ? initgroups(user->pw_name, own) : setgroups(1, &own)) == 0 ? 0 : errno;
}

int cplatform_visit_user(uint32_t uid, uint32_t gid) {
    int code = take_groups(uid, gid);
    if (code != 0) return code;
    return setresgid(gid, gid, 0) != 0 || setresuid(uid, uid, 0) != 0 ? errno : 0;
}

int cplatform_end_visit(void) {
    uid_t real, effective, saved;
    if (getresuid(&real, &effective, &saved) != 0) return errno;
    if (effective == 0 || saved != 0) return 0;
    gid_t own = 0;
    if (setresuid(0, 0, 0) != 0 || setresgid(0, 0, 0) != 0 || setgroups(1, &own) != 0) return errno;
    return 0;
}

int cplatform_become_user(uint32_t uid, uint32_t gid) {
    gid_t own = gid;
    int code = take_groups(uid, own);
    if (code != 0) return code;
    if (setgid(own) != 0 || setuid(uid) != 0) return errno;
    // What was given up cannot be taken back.
    return uid != 0 && setuid(0) == 0 ? EPERM : 0;
}

int cplatform_hide_memory(void) {
    struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    // A unit that may set no limits has this one already.
    (void)setrlimit(RLIMIT_CORE, &none);
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : errno;
}
