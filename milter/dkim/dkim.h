/*
 * What the DKIM modules share: the words of RFC 6376 (as amended by RFC 8301, 8463, 8616) and of
 * RFC 8601, and one reason for every way in which a signature can turn out unusable.
 *
 * A reason decides the result: dkim_reason_result() is the only place where one becomes the other.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_H
#define OUTRIDER_MILTER_DKIM_DKIM_H

#include "common/base/span.h"

#define DKIM_HASH_BYTES 32     /* SHA-256, the only hash left by RFC 8301 */
#define DKIM_MIN_RSA_BITS 1024 /* RFC 8301 3.2: below is never valid */
#define DKIM_MAX_RSA_BITS 4096 /* RFC 8301 3.2: verifiers need not go further */
#define DKIM_MAX_SIGNATURES 32 /* ceiling of the option; each costs a look-up and a public key */
#define DKIM_DETAIL_BYTES 100  /* what a report quotes from outside */

enum dkim_canon { DKIM_SIMPLE, DKIM_RELAXED };

enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256, DKIM_RSA_SHA1, DKIM_ALGORITHMS };

enum dkim_key_type { DKIM_KEY_RSA, DKIM_KEY_ED25519 };

/* RFC 8601 2.7.1. */
enum dkim_result {
    DKIM_NONE,
    DKIM_PASS,
    DKIM_FAIL,
    DKIM_POLICY,
    DKIM_NEUTRAL,
    DKIM_TEMPERROR,
    DKIM_PERMERROR,
    DKIM_RESULTS
};

enum dkim_reason {
    DKIM_OK,
    /* the signature is well-formed, but does not fit the message */
    DKIM_BODY_CHANGED,
    DKIM_HEADER_CHANGED,
    DKIM_BOTH_CHANGED,
    /* the signature field itself */
    DKIM_SIG_SYNTAX,
    DKIM_SIG_TOO_LONG,
    DKIM_SIG_DUPLICATE_TAG,
    DKIM_SIG_MISSING_TAG,
    DKIM_SIG_BAD_TAG,
    DKIM_SIG_FORBIDDEN,
    DKIM_SIG_VERSION,
    DKIM_SIG_ALGORITHM,
    DKIM_SIG_RSA_SHA1,
    DKIM_SIG_CANONICALIZATION,
    DKIM_SIG_QUERY_METHOD,
    DKIM_SIG_FROM_NOT_SIGNED,
    DKIM_SIG_IDENTITY,
    DKIM_SIG_EXPIRED,
    DKIM_SIG_EXPIRES_BEFORE_TIME,
    DKIM_SIG_FUTURE,
    DKIM_SIG_BODY_LENGTH,
    DKIM_SIG_BODY_LENGTH_EXCEEDED,
    DKIM_SIG_TOO_MANY_LENGTHS,
    DKIM_SIG_FIELD_TWICE,
    /* the key record */
    DKIM_KEY_NAME,
    DKIM_KEY_MISSING,
    DKIM_KEY_MULTIPLE,
    DKIM_KEY_SYNTAX,
    DKIM_KEY_VERSION,
    DKIM_KEY_REVOKED,
    DKIM_KEY_TYPE,
    DKIM_KEY_OTHER_TYPE,
    DKIM_KEY_HASH,
    DKIM_KEY_SERVICE,
    DKIM_KEY_SUBDOMAIN,
    DKIM_KEY_TOO_SHORT,
    DKIM_KEY_TOO_LONG,
    /* we do not know */
    DKIM_DNS_FAILURE,
    DKIM_DNS_TIMEOUT,
    DKIM_NO_MEMORY,
    /* not our finding: the result stands beside it */
    DKIM_RELAYED,
    DKIM_REASONS
};

/* The word of RFC 8601: "permerror". */
const char *dkim_result_name(enum dkim_result result);

/* The result that a reason leads to; DKIM_OK gives DKIM_PASS. */
enum dkim_result dkim_reason_result(enum dkim_reason reason);
/* A word for logs and JSON: "key-revoked". */
const char *dkim_reason_name(enum dkim_reason reason);
/* One sentence without final dot: "the key was revoked". */
const char *dkim_reason_text(enum dkim_reason reason);

/* "rsa-sha256" and so on, as in a=. */
const char *dkim_algorithm_name(enum dkim_algorithm algorithm);
/* False for names we do not know. */
bool dkim_algorithm_find(struct span name, enum dkim_algorithm *algorithm_out);
enum dkim_key_type dkim_algorithm_key_type(enum dkim_algorithm algorithm);
/* "rsa" and "ed25519", as in k= of key records. */
const char *dkim_key_type_name(enum dkim_key_type type);

/* "simple" or "relaxed". */
const char *dkim_canon_name(enum dkim_canon canon);
bool dkim_canon_find(struct span name, enum dkim_canon *canon_out);

#endif
