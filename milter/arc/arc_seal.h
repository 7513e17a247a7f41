/*
 * Sealing (RFC 8617 5.1): adds one set to a message that we are about to pass on.
 *
 * arc_seal_start() before the first body chunk asks the message for its body hash;
 * arc_seal_values() after the last one makes the three field values. What is written follows RFC
 * 8617 to the letter: i= first, no ARC field in h= of ARC-Message-Signature, relaxed/relaxed.
 *
 * A chain that is broken is sealed with cv=fail, which covers the new set alone (RFC 8617 5.1.2);
 * one whose newest seal says so already, or that has 50 sets, gets no other.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_ARC_ARC_SEAL_H
#define OUTRIDER_MILTER_ARC_ARC_SEAL_H

#include "milter/arc/arc_set.h"
#include "milter/dkim/dkim_sign.h"

#define ARC_SEAL_MAX_RESULTS_BYTES (DKIM_SIGN_MAX_VALUE_BYTES - 64)

struct arc_seal_settings {
    time_t now;
    struct span domain;   /* canonical */
    struct span selector; /* canonical */
    const struct dkim_private *key;
    const struct span *names; /* h= instead of the usual (dkim_sign.h); NULL: the usual */
    size_t name_count;
};

struct arc_seal {
    struct dkim_sign sign; /* the message signature */
    const struct arc_chain *chain;
    struct arc_seal_settings settings;
};

/* Field values as libmilter wants them with SMFIP_HDR_LEADSPC: a space in front, LF folds. Insert
 * them on top of the header in this order: the seal ends up highest. */
struct arc_seal_set {
    struct span values[ARC_FIELDS];
};

/* Needs the whole header and its chain (arc_set_collect() or arc_verify_header()), which must
 * outlive the seal. OR_ABSENT says why no set is to be added; OR_LIMIT as dkim_sign_start(). */
or_status arc_seal_start(struct arc_seal *s, struct dkim_message *m, const struct arc_chain *chain,
                         const struct arc_seal_settings *settings, struct err *e) OR_MUST_USE;

/* After dkim_message_finish_body(). `status`: what arc_verify_body() made of the chain; `results`:
 * the value of our Authentication-Results field for this message, with arc= in it. OR_LIMIT past
 * the arena or ARC_SEAL_MAX_RESULTS_BYTES, OR_BUG when OpenSSL refuses. */
or_status arc_seal_values(struct arc_seal *s, enum arc_result status, struct span results,
                          struct arc_seal_set *set_out, struct err *e) OR_MUST_USE;

/* Safe to call twice, and on a zeroed struct. */
void arc_seal_fini(struct arc_seal *s);

#endif
