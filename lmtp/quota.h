/*
 * Whether a mailbox has room for a message, and noting what was put into it.
 *
 * Full is a mailbox at or over its limit, and one that a message would take past the limit by more
 * than quota-grace. What is in it is kept in maildirsize, as Dovecot's quota backend "maildir"
 * does. A mailbox of which nobody can say how much is in it takes mail: quota must not hold up
 * mail.
 *
 * Threads: per-thread; as the owner of the mailbox.
 */
#ifndef OUTRIDER_LMTP_QUOTA_H
#define OUTRIDER_LMTP_QUOTA_H

#include "lmtp/lmtp_reply.h"
#include "lmtp/quota_warning.h"

/* Room for `bytes` more, in the folder whose directory is `dirname` ("" for INBOX)? OR_OK, or
 * OR_LIMIT: `e` says in words how full it is. 0 bytes: nobody knows how many will come. */
or_status quota_check(const struct recipient *r, const struct lmtp_settings *settings,
                      const char *dirname, int64_t bytes, struct err *e) OR_MUST_USE;

/* How much is in the mailbox; `anew`: counted now. Without a limit it is counted in any case, and
 * no file is written. OR_TEMPFAIL. */
or_status quota_usage(const struct recipient *r, const struct lmtp_settings *settings, bool anew,
                      struct maildir_usage *usage_out, struct err *e) OR_MUST_USE;

/* 552 5.2.2 or 452 4.2.2, as quota-full says. */
struct lmtp_reply
quota_full_reply(const struct lmtp_settings *settings, struct span address, struct arena *mem);

/* A message of `bytes` is in that folder now. *alarm_out: the warning that is due for it. */
void quota_note(const struct recipient *r, const struct lmtp_settings *settings,
                const char *dirname, int64_t bytes, struct quota_alarm *alarm_out);

#endif
