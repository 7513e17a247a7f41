/*
 * Whether DNS publishes the public half of a private key: what a receiver would find.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_PUBLISHED_H
#define OUTRIDER_MILTER_DKIM_DKIM_PUBLISHED_H

#include "common/dns/dns.h"
#include "milter/dkim/dkim_keytable.h"

enum dkim_published {
    DKIM_PUBLISHED,           /* the record holds this key */
    DKIM_PUBLISHED_DIFFERENT, /* a record of another key */
    DKIM_PUBLISHED_MISSING,   /* no record */
    DKIM_PUBLISHED_REVOKED,   /* a record with an empty p= */
    DKIM_PUBLISHED_UNUSABLE,  /* a record that no verifier takes: malformed, several, ... */
    DKIM_PUBLISHED_UNKNOWN,   /* DNS did not answer */
};

/* A word for logs and JSON: "published". */
const char *dkim_published_name(enum dkim_published published);

/* Looks the key's record up (until the deadline) and compares. *text_out says in words what is not
 * in order, empty when all is; in the arena. */
enum dkim_published
dkim_published_check(const struct dkim_keytable_row *row, struct dns *dns, int64_t deadline_mono_ms,
                     struct arena *mem, struct span *text_out);

#endif
