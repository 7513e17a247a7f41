/*
 * The Sender Rewriting Scheme: a forwarder's own envelope sender, from which a bounce finds its way
 * back. There is no RFC; the form is that of libsrs2, which PostSRSd and others share:
 *
 *     SRS0=TAG=TT=domain=local@forwarder        made from local@domain
 *     SRS1=TAG=first==TAG=TT=domain=local@us    made from the SRS0 address of another forwarder
 *
 * TAG is the beginning of an HMAC over what follows it, in base64; TT the day in base32. Everything
 * is compared without regard to case, because mail servers change it.
 *
 * Refused: what is past max_age_days or from the future, a tag that no secret explains, and input
 * past SRS_MAX_BYTES (CVE-2020-35573, CVE-2021-35525: long input took PostSRSd for ever).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_SRS_SRS_H
#define OUTRIDER_POLICYD_SRS_SRS_H

#include "common/base/buf.h"
#include "common/base/crypto.h"

#include <time.h>

#define SRS_MAX_SECRETS 16
#define SRS_MAX_BYTES 998    /* of a local part or a domain; of a result */
#define SRS_MIN_TAG_CHARS 4  /* 24 bits: what everybody uses */
#define SRS_MAX_TAG_CHARS 20 /* 120 bits of SHA-1's 160 */
/* The domain in an SRS0 address whose sender was too long and lies in a store under `local`. No
 * mail domain looks like this; PostSRSd 2 writes the same. */
#define SRS_STORED_DOMAIN "1"

struct srs_settings {
    struct span secrets[SRS_MAX_SECRETS]; /* the first one signs, all of them verify */
    size_t secret_count;                  /* at least 1 */
    enum crypto_digest digest;            /* of our tags; SHA-1 is always understood */
    char separator;                       /* after SRS0 and SRS1: '=', '+' or '-' */
    bool plain_base64;     /* '+' and '/' in tags, for PostSRSd 1; else '-' and '_' */
    size_t tag_chars;      /* of ours */
    size_t min_tag_chars;  /* of what comes back */
    unsigned max_age_days; /* at most SRS_MAX_AGE_DAYS */
};
#define SRS_MAX_AGE_DAYS 900 /* the two characters repeat after 1024 days */

/* Whether a local part is SRS0 or SRS1 of anybody. */
bool srs_is_srs(struct span local);

/* Appends the local part that stands for `local`@`domain` (internal form). An SRS0 address becomes
 * SRS1, an SRS1 address of another forwarder gets our tag; neither grows with further hops.
 * OR_MALFORMED: looks like SRS but is not; OR_LIMIT past SRS_MAX_BYTES. */
or_status srs_forward(const struct srs_settings *settings, struct span local, struct span domain,
                      time_t now, struct buf *local_out, struct err *e) OR_MUST_USE;

/* Whether `local` is an SRS1 address whose SRS0 part was made by `forwarder`: then *rest_out is
 * what follows "SRS0" in that one. Says nothing of who made the SRS1 part. */
bool srs_guards(struct span local, struct span forwarder, struct span *rest_out);

/* What an address of ours stands for; both view into `local`. */
struct srs_original {
    bool guarded;       /* from SRS1: write "SRS0" before `local` */
    struct span local;  /* internal form */
    struct span domain; /* SRS_STORED_DOMAIN: `local` is a key */
};
/* OR_ABSENT: no SRS address; OR_MALFORMED: one that we did not make, or that is too old; `e` says
 * which. */
or_status srs_reverse(const struct srs_settings *settings, struct span local, time_t now,
                      struct srs_original *original_out, struct err *e) OR_MUST_USE;

#endif
