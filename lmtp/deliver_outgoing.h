/*
 * Sending a message that a script has written (own_message.h) over `sieve-relay`, and keeping the
 * copy that :fcc asks for (RFC 8580).
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_DELIVER_OUTGOING_H
#define OUTRIDER_LMTP_DELIVER_OUTGOING_H

#include "lmtp/deliver.h"
#include "lmtp/sieve/sieve.h"

struct outgoing {
    struct span sender; /* the envelope's, "a@b"; empty: <> */
    const struct span *recipients;
    size_t count;
    struct span text; /* the whole message, LF line ends */
    const struct sieve_fcc *fcc;
    const struct recipient *owner;
    const struct maildir_name *name; /* of the copy */
};

/* OR_OK: the relay has it for at least one recipient; a copy that cannot be kept is logged.
 * OR_TEMPFAIL: `e` says why not. Leaves d->turn. */
or_status deliver_outgoing(struct deliver *d, const struct outgoing *o, struct err *e) OR_MUST_USE;

#endif
