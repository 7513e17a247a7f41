/*
 * Signing (RFC 6376 section 5): one DKIM-Signature value per key, all from one pass over header and
 * body.
 *
 * dkim_sign_start() before the first body chunk asks the message for its body hash;
 * dkim_sign_value() after the last one makes a field value for each key. l= is never written.
 *
 * What is signed: the fields of dkim_fields.h that the message has, each as often as it is there,
 * the oversigned ones once more.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_SIGN_H
#define OUTRIDER_MILTER_DKIM_DKIM_SIGN_H

#include "milter/dkim/dkim_fields.h"
#include "milter/dkim/dkim_message.h"
#include "milter/dkim/dkim_sig.h"

#include <time.h>

#define DKIM_SIGN_MAX_VALUE_BYTES 16384 /* libmilter takes 65535 with the name */

struct dkim_sign_settings {
    enum dkim_canon header_canon;
    enum dkim_canon body_canon;
    time_t now;
    bool omit_time;      /* no t= */
    uint32_t lifetime_s; /* x= is now + this; 0: no x= */
    /* NULL: the default ones. Only dkim_sign_start() uses it; the names must outlive the signing.
     */
    const struct dkim_fields *fields;
    unsigned arc_instance;    /* not 0: values of ARC-Message-Signature with this i= */
    const struct span *names; /* h= as it stands, instead of one made from `fields`; NULL: none */
    size_t name_count;
};

struct dkim_sign {
    struct dkim_message *message;
    struct dkim_sign_settings settings;
    size_t body_slot;
    struct span names[DKIM_SIG_MAX_NAMES]; /* h= */
    size_t name_count;
    struct dkim_digest *header; /* the signed fields, hashed once for all keys; NULL until needed */
};

/* Needs the whole header. OR_LIMIT when it has too many fields to be listed in h=, or past the
 * arena. */
or_status dkim_sign_start(struct dkim_sign *s, struct dkim_message *m,
                          const struct dkim_sign_settings *settings, struct err *e) OR_MUST_USE;
/* After dkim_message_finish_body(). The value as libmilter wants it with SMFIP_HDR_LEADSPC: a space
 * in front, LF folds, lines under 78 columns; in the message's arena. `domain` and `selector` are
 * canonical. OR_LIMIT past the arena, OR_BUG when OpenSSL refuses. */
or_status dkim_sign_value(struct dkim_sign *s, const struct dkim_private *key, struct span domain,
                          struct span selector, struct span *value_out, struct err *e) OR_MUST_USE;
/* The last steps, shared with ARC-Seal. */
struct dkim_sign_field {
    struct dkim_sig *sig;              /* all but the algorithm and b= */
    const struct dkim_digest *covered; /* has the fields covered besides this one; stays as it is */
    const struct dkim_private *key;
    struct arena *mem; /* of the value */
};
/* Writes the value and signs it, as dkim_sign_value() does. */
or_status dkim_sign_field_value(const struct dkim_sign_field *f, struct span *value_out,
                                struct err *e) OR_MUST_USE;
/* Feeds a field that is not part of the message yet, as the receiver's verifier will see it: with
 * CRLF folds, and without the closing CRLF. OR_LIMIT past the arena. */
or_status dkim_sign_hash_field(enum dkim_canon canon, const char *name, struct span value,
                               struct arena *mem, struct dkim_digest *digest) OR_MUST_USE;

/* Safe to call twice, and on a zeroed struct. */
void dkim_sign_fini(struct dkim_sign *s);

#endif
