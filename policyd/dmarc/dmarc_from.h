/*
 * The Author Domain of a message (RFC 9989 5.3.1): which domain the From field names.
 *
 * What different mail programs would show differently is a defect, never a guess (RFC 9989 11.5;
 * the "Composition Kills" attacks hide the shown author from the checked one).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_DMARC_DMARC_FROM_H
#define OUTRIDER_POLICYD_DMARC_DMARC_FROM_H

#include "policyd/dmarc/dmarc.h"

/* RFC 9989 11.5: a small number may be evaluated one by one, a large one is an attack on DNS. */
#define DMARC_FROM_MAX_DOMAINS 4

enum dmarc_from_defect {
    DMARC_FROM_OK,
    DMARC_FROM_ABSENT,     /* no From field */
    DMARC_FROM_SEVERAL,    /* more than one From field (RFC 5322 3.6 allows one) */
    DMARC_FROM_UNPARSABLE, /* not an address list */
    DMARC_FROM_NO_DOMAIN,  /* an author without a domain name (empty group, address literal) */
    DMARC_FROM_TOO_MANY,   /* more than DMARC_FROM_MAX_DOMAINS different domains */
};

/* `domains` holds what could be read even where there is a defect. */
struct dmarc_from {
    struct span domains[DMARC_FROM_MAX_DOMAINS]; /* canonical A-labels, each once; in the arena */
    size_t count;
    enum dmarc_from_defect defect; /* the first one found */
};

/* `fields` are the values of all From fields. */
void dmarc_from_extract(const struct span *fields, size_t count, struct arena *mem,
                        struct dmarc_from *from_out);

/* What is wrong, in words for the sender ("has no From field"); "" for DMARC_FROM_OK. */
const char *dmarc_from_defect_text(enum dmarc_from_defect defect);

#endif
