/*
 * A direct-mapped table of mailboxes seen, and the climb from a mailbox towards the root.
 */
#include "lmtp/maildir/maildir_settle.h"

#include "common/base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Never 0, which is an empty slot. The multipliers are those of splitmix64: neighbours in inode
 * numbers are no neighbours in the table. */
static uint64_t
fingerprint(const struct stat *st)
{
    uint64_t x = (uint64_t)st->st_ino + (uint64_t)st->st_dev * UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (x ^ x >> 31) | 1;
}

/* Whoever owns the mailbox can have made something only where it may write. faccessat() with
 * AT_EACCESS asks for the file-system identity of this thread. */
static bool
may_write(const char *path)
{
    return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

/* Directories that the owner may write to but not read cannot be opened to be synced: all of the
 * file system is synced instead. Rare, and once for each mailbox. */
static or_status
sync_one(const char *path, const struct maildir *box, struct maildir_fault *f)
{
    or_status st = maildir_sync_directory(AT_FDCWD, path, f);

    if (st == OR_OK || f->os_error != EACCES)
        return st;
    return syncfs(box->dir_fd) == 0 ? OR_OK : maildir_fault_set(f, "sync around", path);
}

/* Syncs `path` and what is above it, up to where the owner may not write. `path` is used up. */
static or_status
climb(char *path, const struct maildir *box, struct maildir_fault *f)
{
    or_status st = OR_OK;

    while (st == OR_OK && path[0] != '\0' && may_write(path)) {
        st = sync_one(path, box, f);
        *strrchr(path, '/') = '\0';
    }
    return st;
}

or_status
maildir_settle(struct maildir_settled *settled, const char *path, const struct maildir *box,
               struct maildir_fault *f)
{
    struct stat about;

    if (fstat(box->dir_fd, &about) != 0)
        return maildir_fault_set(f, "look at", path);
    uint64_t print = fingerprint(&about);
    atomic_uint_fast64_t *slot = &settled->slots[print >> 1 & (MAILDIR_SETTLED_SLOTS - 1)];
    if (atomic_load(slot) == print && !box->made)
        return OR_OK;
    char *work = xstrdup(path);
    or_status st = maildir_sync_directory(box->dir_fd, ".", f);
    if (st == OR_OK)
        st = climb(work, box, f);
    free(work);
    if (st == OR_OK)
        atomic_store(slot, print);
    return st;
}
