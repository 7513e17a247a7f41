/*
 * A message on its way to disk: one file in tmp/ of one Maildir, written once, then made to appear
 * in as many mailboxes of the same owner as there are recipients, by hard links where that works
 * and by copying where it does not.
 *
 * A fault is kept: later calls do nothing and report it again, so that one recipient's full disk
 * does not disturb the others' message.
 *
 * Threads: per-thread. The caller has taken the owner's identity on for spool_open(),
 * spool_publish() and spool_close().
 */
#ifndef OUTRIDER_LMTP_SPOOL_H
#define OUTRIDER_LMTP_SPOOL_H

#include "lmtp/maildir/maildir.h"

struct spool {
    const struct maildir *box; /* where tmp/<name> is */
    char name[MAILDIR_NAME_BYTES];
    int fd;                  /* -1: not open */
    uint64_t file_bytes;     /* written so far */
    uint64_t prologue_bytes; /* of these, our trace fields in front */
    uint64_t line_ends;      /* LFs without a CR among them: what CRLF line ends would add */
    bool after_cr;           /* the last byte was a CR */
    or_status status;
    struct maildir_fault fault; /* when status is not OR_OK */
};

/* Creates the file. A failure is in s->status. `box` must outlive the spool. */
void spool_open(struct spool *s, const struct maildir *box, const struct maildir_name *name);
void spool_write(struct spool *s, struct span bytes);
/* Writes what `from` holds, from `at` on. */
void spool_append(struct spool *s, const struct spool *from, uint64_t at);
/* fsync()s: from here on the content is safe. */
void spool_sync(struct spool *s);

/* Makes the message appear in new/ of `box` under `name` with sizes.
 * `sole` says that no other mailbox wants this file: it is moved instead of linked, and the spool
 * is closed. Each call's failure is its own. */
or_status spool_publish(struct spool *s, const struct maildir *box, const struct maildir_name *name,
                        bool sole, struct maildir_fault *f) OR_MUST_USE;
/* Syncs that new/: from here on the mailbox has the message. On failure it is taken out again. */
or_status spool_confirm(const struct spool *s, const struct maildir *box,
                        const struct maildir_name *name, struct maildir_fault *f) OR_MUST_USE;

/* Removes what is left in tmp/. Closing twice is allowed. */
void spool_close(struct spool *s);

#endif
