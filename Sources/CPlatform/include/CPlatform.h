// Typed doors to Linux calls that Swift cannot make itself: raw system calls, variadic functions, GNU structures.
// Unless a function says otherwise it returns 0, or the errno of its failure as a positive number.
#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <stddef.h>
#include <stdint.h>

// O_PATH: a descriptor that names a file without opening it.
extern const int cplatform_path_only;

// Opens `path` below the open directory `folder` (openat2(2)). No step of the resolution may leave `folder`: absolute
// paths, `..` past it and links that lead out give EXDEV, magic links ELOOP. Without `follow_links` every symbolic
// link on the way gives ELOOP. Returns the descriptor, or the errno negated; ENOSYS where the kernel lacks openat2.
int cplatform_open_beneath(int folder, const char *path, int flags, uint32_t mode, int follow_links);

// Opens a path of which no component is a symbolic link. Returns as cplatform_open_beneath does.
int cplatform_open_without_links(const char *path, int flags);

// Renames inside one open folder. Without `replace` an existing `to` gives EEXIST (EINVAL where the file system
// cannot promise that).
int cplatform_rename(int folder, const char *from, const char *to, int replace);

// Who connected a unix stream socket, as the kernel noted at connect(2) (SO_PEERCRED).
int cplatform_peer_credentials(int socket, int32_t *pid, uint32_t *uid, uint32_t *gid);

// The peer's supplementary groups (SO_PEERGROUPS). `count` holds the room in `groups` before, the number after the
// call; ERANGE when the room does not do, with the needed number in `count`.
int cplatform_peer_groups(int socket, uint32_t *groups, uint32_t *count);

// Takes a write lock on the whole file that belongs to the open file description (F_OFD_SETLK), without waiting:
// EAGAIN when another description holds one. Closing other descriptors of the file does not drop it.
int cplatform_lock(int file);
int cplatform_unlock(int file);

// The file's inode number and birth time, in nanoseconds since 1970; -1 where the file system keeps none (statx(2)).
int cplatform_identity(const char *path, uint64_t *inode, int64_t *birth_nanoseconds);

// The magic number of the file system that `path` lies on (statfs(2) f_type).
int cplatform_filesystem(const char *path, uint64_t *magic);

// Nanoseconds of CLOCK_BOOTTIME: it never goes back and counts a suspended machine too. Negative if unavailable.
int64_t cplatform_boottime_nanoseconds(void);

// Dies at once by SIGKILL, as in a power cut: nothing is flushed.
void cplatform_kill_self(void);

// The offset of the first occurrence of `part` in `bytes`, -1 for none; linear in time (memmem(3)).
ptrdiff_t cplatform_find(const void *bytes, size_t count, const void *part, size_t part_count);

// Blocks of at least that many bytes are given back to the system when they are freed, now and for good (mallopt(3),
// M_MMAP_THRESHOLD). glibc raises the bound to 32 MiB once blocks of that size were freed, and keeps what lies below.
// ENOTSUP where the C library has no such bound.
int cplatform_give_back_large_blocks(size_t bytes);

// Sends one datagram to a unix socket (sd_notify(3)): `address` is a path, or `@` and a name in the abstract namespace.
// Waits up to 5 s for a full queue. EINVAL for another kind of address or one that is too long.
int cplatform_send_datagram(const char *address, const void *bytes, size_t count);

// Becomes that user with its groups for good, all threads of the process at once. Only root may.
int cplatform_become_user(uint32_t uid, uint32_t gid);

// The same for a time: cplatform_end_visit makes root of the process again. Where there is no visit, that does nothing.
int cplatform_visit_user(uint32_t uid, uint32_t gid);
int cplatform_end_visit(void);

// No core dump of this process, and its memory and environment closed to others of the same user (PR_SET_DUMPABLE).
int cplatform_hide_memory(void);

#endif
