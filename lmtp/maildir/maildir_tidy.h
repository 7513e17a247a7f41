/*
 * What crashes left in tmp/: removed once nobody can still be writing it.
 *
 * As the Maildir specification says, after 36 hours. Looking is cheap but not free,
 * so it is done every 8 hours; the time of the last look is the directory's access time, which
 * Dovecot uses for the same purpose.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_MAILDIR_MAILDIR_TIDY_H
#define OUTRIDER_LMTP_MAILDIR_MAILDIR_TIDY_H

#include "lmtp/maildir/maildir.h"

#define MAILDIR_TIDY_EVERY_S (8 * 3600)
#define MAILDIR_TIDY_AGE_S (36 * 3600)
/* In one go; the rest is for the next time. */
#define MAILDIR_TIDY_MAX_ENTRIES 10000

/* Whether it is time to look. */
bool maildir_tidy_is_due(const struct maildir *box, time_t now);

/* Looks, and removes ordinary files that are too old. Returns how many; failures are nobody's
 * concern, they are tried again. As the owner of the mailbox. */
size_t maildir_tidy(const struct maildir *box, time_t now);

#endif
