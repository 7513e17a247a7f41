/*
 * Notifications by mail that a recipient's script asks for (RFC 5435, RFC 5436), as messages.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_NOTIFICATION_H
#define OUTRIDER_LMTP_NOTIFICATION_H

#include "lmtp/own_message.h"
#include "lmtp/recipient.h"
#include "lmtp/sieve/sieve.h"

struct notification {
    const struct header_block *header; /* of the message that came */
    const struct recipient *recipient;
    const struct sieve_notification *how;
};

/* Whether a program has sent the message: nobody is notified of it (RFC 5436 2.7). */
bool notification_is_suppressed(const struct header_block *header);

/* The envelope's sender of a notification whose occasion came from `sender`. */
struct span
notification_sender(const struct notification *n, struct span sender, struct arena *mem);

/* The whole message. OR_LIMIT: `mem` is used up or it is too long. */
or_status notification_format(const struct notification *n, const struct maildir_name *name,
                              const struct lmtp_settings *settings, struct arena *mem,
                              struct buf *out) OR_MUST_USE;

#endif
