/*
 * Sending the notifications of a recipient's script (notification.h), once everybody has been told
 * that the message is delivered. At most DELIVER_NOTIFY_LIMIT an hour go out for an account, where
 * there is a store to count them in (RFC 5436 5): a script must not become a flood.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_DELIVER_NOTIFY_H
#define OUTRIDER_LMTP_DELIVER_NOTIFY_H

#include "lmtp/deliver.h"
#include "lmtp/sieve/sieve.h"

#define DELIVER_NOTIFY_LIMIT 60

/* The one that `action` (SIEVE_NOTIFY) asks for. Leaves d->turn. `name` is for the copy that :fcc
 * asks for. */
void deliver_notify(struct deliver *d, const struct deliver_target *t,
                    const struct sieve_action *action, const struct maildir_name *name);

#endif
