/*
 * Verification of every DKIM-Signature of a message (RFC 6376 section 6).
 *
 * dkim_verify_header() at the end of the header: reads the signatures, looks keys up (this waits
 * for DNS), checks each signature over the header, and asks the message for the body hashes needed.
 * dkim_verify_body() after the last body chunk: compares the hashes. Keys are not kept in between.
 *
 * Signatures beyond the limit are counted, not looked at; those first in the header are the newest.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_VERIFY_H
#define OUTRIDER_MILTER_DKIM_DKIM_VERIFY_H

#include "common/dns/dns.h"
#include "milter/dkim/dkim_keycache.h"
#include "milter/dkim/dkim_message.h"
#include "milter/dkim/dkim_sig.h"

#include <time.h>

#define DKIM_VERIFY_CLOCK_SKEW_S 300 /* a good default; OpenDKIM allows as much */

struct dkim_verify_settings {
    size_t max_signatures; /* 1..DKIM_MAX_SIGNATURES */
    time_t now;
    int64_t deadline_mono_ms;   /* for all look-ups together */
    struct dkim_keycache *keys; /* NULL: every key is read anew */
    unsigned max_rsa_bits;      /* of a key; 0: DKIM_MAX_RSA_BITS */
    uint32_t clock_skew_s;      /* how wrong other people's clocks may be, for t= and x= */
    /* Let signatures with l= pass where it covers the whole body; otherwise they are `policy`: what
     * is added behind it is not signed (RFC 6376 8.2). */
    bool accept_length;
    /* Passing signatures are `policy` when a field of which there may be one stands twice: the
     * reader may be shown the one that is not signed (RFC 6376 8.15). */
    bool strict_singletons;
};

/* One signature. Strings are empty where the field did not tell. All in the message's arena. */
struct dkim_verify_item {
    enum dkim_result result;
    enum dkim_reason reason;
    struct span detail;  /* what exactly; may be empty */
    struct dkim_sig sig; /* domain, selector, algorithm_name, identity, b_prefix, ... */
    unsigned key_bits;   /* 0: no key was seen */
    bool testing;        /* the key has t=y: treat a failure like no signature (RFC 6376 3.6.1) */
    bool key_authenticated; /* the key came with DNSSEC, says the resolver */
    size_t field;           /* used by dkim_verify_keys() */
    size_t body_slot;       /* used by dkim_verify_body() */
    bool header_ok;
};

struct dkim_verify {
    struct dkim_verify_item *items; /* from the top of the header */
    size_t count;
    size_t ignored_count; /* signatures over the limit */
    struct span twice;    /* with strict_singletons: a field that stands twice; empty: none */
};

/* One signature field of any kind on its way: what dkim_verify_header() does for each of
 * DKIM-Signature, and ARC for its own. */
struct dkim_verify_step {
    struct dkim_message *message;
    const struct dkim_verify_settings *settings;
    struct dns *dns;
    struct dkim_verify_item *item; /* gets the result */
    enum dkim_sig_kind kind;
    size_t field;         /* its index in the message */
    const size_t *sealed; /* ARC-Seal: indices of what it covers besides itself, in order */
    size_t sealed_count;
};

/* Before the body: the field itself; asks for the body hash (a seal needs none). */
void dkim_verify_step_begin(struct dkim_verify_step *s);
/* After that, at any time: key and signature; waits for DNS. Of a seal the result is final. */
void dkim_verify_step_key(struct dkim_verify_step *s);
/* Whether dkim_verify_step_key() will ask for this item's key. */
bool dkim_verify_needs_key(const struct dkim_verify_item *item);
/* After dkim_message_finish_body(): compares the body hash of a DKIM-Signature or
 * ARC-Message-Signature. */
void dkim_verify_step_body(struct dkim_verify_item *item, const struct dkim_message *m,
                           const struct dkim_verify_settings *settings);

/* At the end of the header: all but the keys, without waiting for anything. OR_LIMIT past the
 * arena. Trouble with single signatures is in the items, not here. `v` owns nothing. */
or_status dkim_verify_begin(struct dkim_verify *v, struct dkim_message *m,
                            const struct dkim_verify_settings *settings, struct err *e) OR_MUST_USE;
/* Then, while the body comes or after it: looks the keys up and checks the signatures. */
void dkim_verify_keys(struct dkim_verify *v, struct dkim_message *m,
                      const struct dkim_verify_settings *settings, struct dns *dns);
/* Both, where nothing is gained by telling them apart. */
or_status dkim_verify_header(struct dkim_verify *v, struct dkim_message *m,
                             const struct dkim_verify_settings *settings, struct dns *dns,
                             struct err *e) OR_MUST_USE;
/* After dkim_message_finish_body(). Fills in the final results. */
void dkim_verify_body(struct dkim_verify *v, const struct dkim_message *m,
                      const struct dkim_verify_settings *settings);

/* One word for the whole message: pass if any passes, then the most telling of the others; none
 * without signatures. */
enum dkim_result dkim_verify_overall(const struct dkim_verify *v);

/* The same for a decision on the message: a failure under a key with t=y counts like no signature
 * (RFC 6376 3.6.1). *item_out is the signature that the word comes from; NULL with none. */
enum dkim_result
dkim_verify_decisive(const struct dkim_verify *v, const struct dkim_verify_item **item_out);

/* "the key was revoked (detail)". Appends; the detail's control bytes become '?'. */
void dkim_verify_describe(struct buf *out, const struct dkim_verify_item *item);

#endif
