/*
 * Telling the owner of a mailbox, or a program, that it fills up: the sections quota-warning.
 *
 * A warning is due when a delivery takes the mailbox from below a threshold to it or past it; of
 * several thresholds the highest. It is given once everybody has been answered, and never holds up
 * or endangers mail: one that cannot be given is logged and lost.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_QUOTA_WARNING_H
#define OUTRIDER_LMTP_QUOTA_WARNING_H

#include "lmtp/maildir/maildir_size.h"
#include "lmtp/recipient.h"

/* A warning that is due; `warning` NULL: none is. It belongs to the settings. */
struct quota_alarm {
    const struct lmtp_quota_warning *warning;
    int64_t used, limit; /* of what has reached the threshold */
    bool messages;       /* these are numbers of messages, not bytes */
};

/* Whether lmtpd can do what the section says. OR_CONFIG: `e` says what is wrong. */
or_status quota_warning_check(const struct lmtp_quota_warning *w, struct err *e) OR_MUST_USE;

/* The mailbox holds `after`, of which `change` came last; a limit of 0 is none. */
struct quota_alarm
quota_warning_find(const struct lmtp_settings *settings, const struct quota_limits *limits,
                   const struct maildir_usage *after, const struct maildir_usage *change);

/* The whole message (own_message.h). */
void
quota_warning_format(struct buf *out, const struct quota_alarm *alarm, const struct recipient *r,
                     const struct lmtp_settings *settings, const struct maildir_name *name);

/* Puts it into INBOX under this name; as the owner. How many bytes that adds to the quota; 0: it
 * could not be. */
int64_t
quota_warning_deliver(const struct quota_alarm *alarm, const struct recipient *r,
                      const struct lmtp_settings *settings, const struct maildir_name *name);

/* Starts the command, if there is one; as ourselves. */
void quota_warning_command(const struct quota_alarm *alarm, const struct recipient *r);

#endif
