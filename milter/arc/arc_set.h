/*
 * The ARC sets of a message: collects the three kinds of fields by their instance and checks how
 * they are put together (RFC 8617 5.2 steps 1 to 3). No signature is looked at.
 *
 * Lenient where nearly every sealer is: i= need not be the first tag of ARC-Message-Signature and
 * ARC-Seal (RFC 8617 4.1.2, 4.1.3), only of ARC-Authentication-Results.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_ARC_ARC_SET_H
#define OUTRIDER_MILTER_ARC_ARC_SET_H

#include "milter/arc/arc.h"
#include "milter/dkim/dkim_message.h"

struct arc_set {
    size_t fields[ARC_FIELDS]; /* indices into the message's fields; DKIM_NO_FIELD: missing */
    struct span results;       /* ARC-Authentication-Results behind "i=1;", a view */
    struct span status;        /* cv= of the seal, a view into the message; empty: none */
};

struct arc_chain {
    struct arc_set *sets; /* ARC_MAX_SETS of them, sets[i - 1] has instance i; NULL: no ARC field */
    unsigned count;       /* the highest instance */
    enum arc_reason reason; /* the first thing wrong with the structure */
    unsigned instance;      /* of which set; 0: of a field that belongs to none */
    struct span detail;     /* what exactly, a view or in the arena; may be empty */
};

/* Collects and checks. No ARC field at all: OR_OK, sets NULL. OR_LIMIT past the message's arena.
 * Everything is in that arena. */
or_status
arc_set_collect(struct arc_chain *chain, const struct dkim_message *m, struct err *e) OR_MUST_USE;

/* Whether the newest seal says cv=fail: such a chain is not extended (RFC 8617 5.1). */
bool arc_set_is_closed(const struct arc_chain *chain);

#endif
