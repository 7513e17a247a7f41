/*
 * Verifying a chain (RFC 8617 5.2). The newest ARC-Message-Signature is a DKIM signature of the
 * message as it is; the seals cover only ARC fields, each those of its own and all earlier sets.
 *
 * arc_verify_begin() at the end of the header: reads the fields, asks the message for its body
 * hash. arc_verify_keys() then or later: looks keys up (this waits for DNS), checks signatures over
 * the header. arc_verify_body() after the last body chunk and the keys: compares the hash. Seals
 * are checked from the newest down until one fails: nobody gets more look-ups out of us than he has
 * valid seals.
 *
 * Every failure is permanent, DNS included (RFC 8617 5.2.1).
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_ARC_ARC_VERIFY_H
#define OUTRIDER_MILTER_ARC_ARC_VERIFY_H

#include "common/base/buf.h"
#include "milter/arc/arc_set.h"
#include "milter/dkim/dkim_verify.h"

struct arc_verify_settings {
    time_t now;
    struct dkim_keycache *keys; /* NULL: every key is read anew */
    int64_t deadline_mono_ms;   /* for all look-ups together */
    bool everything; /* also what cannot change the result: older message signatures, all seals */
};

/* One set's signatures, as dkim_verify.h has them; NULL: not looked at. */
struct arc_verify_set {
    struct dkim_verify_item *message;
    struct dkim_verify_item *seal;
};

struct arc_verify {
    struct arc_chain chain;
    struct arc_verify_set *sets; /* sets[i - 1] has instance i; NULL unless the structure is good */
    enum arc_result result;      /* after arc_verify_body() */
    enum arc_reason reason;
    unsigned instance; /* the set at fault; 0: none in particular */
};

/* OR_LIMIT past the message's arena, which has everything; `v` owns nothing. */
or_status arc_verify_begin(struct arc_verify *v, struct dkim_message *m,
                           const struct arc_verify_settings *settings, struct err *e) OR_MUST_USE;
/* With the same settings, but for the deadline. */
void arc_verify_keys(struct arc_verify *v, struct dkim_message *m,
                     const struct arc_verify_settings *settings, struct dns *dns);
/* Both. */
or_status arc_verify_header(struct arc_verify *v, struct dkim_message *m,
                            const struct arc_verify_settings *settings, struct dns *dns,
                            struct err *e) OR_MUST_USE;
/* After dkim_message_finish_body(). */
void arc_verify_body(struct arc_verify *v, const struct dkim_message *m);

/* "set 2: the seal is not valid: the key was revoked". Appends; control bytes from outside become
 * '?'. */
void arc_verify_describe(struct buf *out, const struct arc_verify *v);

#endif
