/*
 * Whose message it is: the domain that a signature must stand for.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_MILTER_AUTHOR_H
#define OUTRIDER_MILTER_MILTER_AUTHOR_H

#include "milter/dkim/dkim_message.h"

struct milter_author {
    struct span local;  /* internal form */
    struct span domain; /* canonical */
};

/* The one address in the one From field, in the message's arena. OR_MALFORMED says why there is
 * none: what cannot be attributed to one domain is not signed for any. OR_LIMIT past the arena. */
or_status milter_author_find(const struct dkim_message *m, struct milter_author *author_out,
                             struct err *e) OR_MUST_USE;
/* The same of the Sender field (RFC 5322 3.6.2: one address). OR_ABSENT: there is none. */
or_status milter_author_find_sender(const struct dkim_message *m, struct milter_author *sender_out,
                                    struct err *e) OR_MUST_USE;

#endif
