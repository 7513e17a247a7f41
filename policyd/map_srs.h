/*
 * The tables srs-forward (sender_canonical_maps) and srs-reverse (recipient_canonical_maps): what
 * is rewritten at all, and senders too long for an address.
 *
 * Rewritten is a sender of a domain that is not ours (srs-domain, srs-local-domains). Postfix asks
 * again with the answer until nothing changes, so our own addresses are left alone. What is not an
 * address of ours is "not found", never an error: Postfix asks about every recipient.
 *
 * RFC 5321 4.5.3.1.1 ends a local part at 64 octets. A sender that would make a longer one is put
 * into the state store under a short key, which the address carries instead. Strangers decide how
 * long their senders are, so each client may add a limited number of keys a day.
 *
 * Threads: immutable once built.
 */
#ifndef OUTRIDER_POLICYD_MAP_SRS_H
#define OUTRIDER_POLICYD_MAP_SRS_H

#include "common/run/kvstore.h"
#include "policyd/policyd_conf.h"
#include "policyd/recent_senders.h"

#include <time.h>

struct map_srs;

/* Reads the secrets. NULL in *srs_out when srs-domain is not set. OR_CONFIG names option or file
 * and cure. */
or_status map_srs_new(const struct policyd_settings *settings, struct map_srs **srs_out,
                      struct err *e) OR_MUST_USE;
void map_srs_free(struct map_srs *srs); /* NULL is allowed; wipes the secrets */

/* One look-up's means. */
struct map_srs_query {
    const struct map_srs *srs;      /* NULL: nothing is rewritten */
    struct kvstore *store;          /* NULL: senders that are too long stay as they are */
    struct recent_senders *senders; /* NULL: clients are not known */
    struct span key;                /* as Postfix writes addresses: quoted where needed */
    time_t now;
    struct arena *mem;
};

/* OR_ABSENT: stays as it is. OR_TEMPFAIL (reverse only): the store did not answer, the bounce must
 * come again. */
or_status
map_srs_forward(const struct map_srs_query *q, struct buf *value, struct err *e) OR_MUST_USE;
or_status
map_srs_reverse(const struct map_srs_query *q, struct buf *value, struct err *e) OR_MUST_USE;

#endif
