/*
 * Whether the directories above a message are themselves safe on disk.
 *
 * Mail is no safer than the directory that it lies in. That a Maildir exists does not say so: it
 * may have been made a moment ago by another session that has not synced it yet, or by a process
 * that was killed before it could, or its sync may have failed. So the directories on the way to a
 * mailbox are synced before this process delivers into it for the first time.
 *
 * Weakness: the table is small and forgets; then directories are synced once more.
 *
 * Threads: locked (atomics; no lock is held).
 */
#ifndef OUTRIDER_LMTP_MAILDIR_MAILDIR_SETTLE_H
#define OUTRIDER_LMTP_MAILDIR_MAILDIR_SETTLE_H

#include "lmtp/maildir/maildir.h"

#include <stdatomic.h>

#define MAILDIR_SETTLED_SLOTS 4096 /* 32 KiB */

/* The mailboxes that are known to be safe, by device and inode. Zeroed: none. */
struct maildir_settled {
    atomic_uint_fast64_t slots[MAILDIR_SETTLED_SLOTS];
};

/* Makes sure of `box`, which is the Maildir at the absolute `path` or a folder in it: syncs it,
 * that Maildir and the directories above in which the owner could have made something. The caller
 * has taken the owner's identity on. OR_TEMPFAIL. */
or_status maildir_settle(struct maildir_settled *settled, const char *path,
                         const struct maildir *box, struct maildir_fault *f) OR_MUST_USE;

#endif
