/*
 * One open Maildir folder: created where missing, written to by the rules that lose no mail.
 *
 * A message is written to tmp/, fsync()ed, then appears in new/ by rename() or link(), after which
 * new/ itself is fsync()ed. Only then, and when the directories above are safe (maildir_settle.h),
 * may anybody be told that it is delivered. The caller has
 * taken the owner's file-system identity on (lmtp/owner.h): whatever the owner's symbolic links
 * say, the kernel checks them as the owner's.
 *
 * Threads: per-thread. Any number of processes may deliver into one Maildir.
 */
#ifndef OUTRIDER_LMTP_MAILDIR_MAILDIR_H
#define OUTRIDER_LMTP_MAILDIR_MAILDIR_H

#include "common/base/span.h"
#include "lmtp/maildir/maildir_name.h"

/* Why something on disk failed. */
struct maildir_fault {
    int os_error; /* errno */
    struct err err;
};

/* INBOX (the Maildir itself) or a folder in it. */
struct maildir {
    int dir_fd;           /* -1: not open */
    bool made;            /* some directory of it was created by opening it */
    time_t tmp_looked_at; /* access time of tmp/: see maildir_tidy() */
};
#define MAILDIR_CLOSED                                                                             \
    {                                                                                              \
        .dir_fd = -1                                                                               \
    }

/* Sets the fault from errno: "cannot <what> <name>: <why>". Returns OR_TEMPFAIL. */
or_status maildir_fault_set(struct maildir_fault *f, const char *what, const char *name);

/* Opens the Maildir at the absolute `path`, making what is missing of the path (0700) and cur/,
 * new/, tmp/ in it. Nothing is synced: see maildir_settle(). OR_TEMPFAIL. */
or_status
maildir_open(const char *path, struct maildir *box_out, struct maildir_fault *f) OR_MUST_USE;
/* Opens the folder whose directory is `dirname` (maildir_folder_dirname()). OR_ABSENT when there is
 * none and `create` is false; OR_TEMPFAIL. */
or_status maildir_open_folder(const struct maildir *root, const char *dirname, bool create,
                              struct maildir *box_out, struct maildir_fault *f) OR_MUST_USE;
/* Closing a closed one is allowed. */
void maildir_close(struct maildir *box);

/* The file system of tmp/: link() works within one only. OR_TEMPFAIL. */
or_status
maildir_device(const struct maildir *box, dev_t *device_out, struct maildir_fault *f) OR_MUST_USE;

/* Creates tmp/<name>, mode 0600, open for reading and writing. OR_TEMPFAIL. */
or_status maildir_create(const struct maildir *box, const char *name, int *fd_out,
                         struct maildir_fault *f) OR_MUST_USE;
/* Removes tmp/<name>; it may be gone already. */
void maildir_discard(const struct maildir *box, const char *name);

enum maildir_publish { MAILDIR_MOVE, MAILDIR_LINK };

/* fsync()s the directory `name` below the descriptor `at` (or AT_FDCWD). OR_TEMPFAIL. */
or_status maildir_sync_directory(int at, const char *name, struct maildir_fault *f) OR_MUST_USE;

/* Makes tmp/<tmp_name> of `from` appear as new/<new_name> of `to` (cur/ when the name has flags),
 * never in place of another file.
 * The file itself has been fsync()ed by the caller. OR_TEMPFAIL; os_error EXDEV, EMLINK and EPERM
 * say that a link is not possible where a copy may be. */
or_status maildir_publish(const struct maildir *from, const char *tmp_name,
                          const struct maildir *to, const char *new_name, enum maildir_publish how,
                          struct maildir_fault *f) OR_MUST_USE;
/* fsync()s new/ (or cur/): from here on what was published there survives. On failure
 * new/<new_name> is taken away again. OR_TEMPFAIL. */
or_status maildir_confirm(const struct maildir *box, const char *new_name,
                          struct maildir_fault *f) OR_MUST_USE;

#endif
