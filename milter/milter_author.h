/*
 * Whose message it is: the domain that a signature must stand for.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_MILTER_AUTHOR_H
#define OUTRIDER_MILTER_MILTER_AUTHOR_H

#include "milter/dkim/dkim_message.h"

/* The domain of the one address in the one From field, canonical, in the message's arena.
 * OR_MALFORMED says why there is none: what cannot be attributed to one domain is not signed for
 * any. OR_LIMIT past the arena. */
or_status milter_author_find(const struct dkim_message *m, struct span *domain_out,
                             struct err *e) OR_MUST_USE;

#endif
