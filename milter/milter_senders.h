/*
 * require-sender-match: whether an authenticated user may write under the addresses of the From
 * field, asked of authd's table `senders`.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_MILTER_SENDERS_H
#define OUTRIDER_MILTER_MILTER_SENDERS_H

#include "milter/dkim/dkim_message.h"
#include "milter/milter_conf.h"

/* OR_OK: all of them. OR_ABSENT: one of them is not the user's; OR_MALFORMED: From names nobody;
 * else authd did not answer within authd-timeout. `e` says which, for log and reply. */
or_status milter_senders_check(const struct milter_settings *settings, const struct dkim_message *m,
                               struct span login, struct err *e) OR_MUST_USE;

#endif
