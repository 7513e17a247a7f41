/*
 * A signed token (JWT, RFC 7519, in a compact JWS, RFC 7515) against the keys of its issuer, with
 * what RFC 8725 and RFC 9068 ask of whoever takes one. The algorithms are those of jws.h.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_OAUTH_JWT_H
#define OUTRIDER_AUTHD_OAUTH_JWT_H

#include "authd/oauth/jwks.h"
#include "common/base/arena.h"

#include <jansson.h>

#define JWT_MAX_BYTES 12288 /* MECH_MAX_RESPONSE_BYTES */
#define JWT_MAX_USER_BYTES 512

/* What a token must say. Strings are the caller's. */
struct jwt_rules {
    const char *issuer;          /* exactly; NULL: any (introspection knows by itself) */
    const char *const *audience; /* one of these */
    size_t audience_count;       /* 0: any */
    const char *scope;           /* NULL: none is needed */
    const char *user_claim;
    int64_t skew_s; /* between the issuer's clock and ours */
};

/* Whether it has the form of a signed token at all: three parts. */
bool jwt_is_one(struct span token);

/* Which key it asks for, in `kid_out` (p == NULL: none), as far as the header can be read. */
or_status
jwt_key_id(struct span token, struct arena *mem, struct span *kid_out, struct err *e) OR_MUST_USE;

/* OR_OK: it is good, *claims_out is the caller's (json_decref). OR_ABSENT: it is not, OR_MALFORMED,
 * OR_LIMIT: nor a token; `e` says why. Claims are not judged yet: jwt_check_claims(). */
or_status jwt_verify(struct span token, const struct jwks *keys, json_t **claims_out,
                     struct err *e) OR_MUST_USE;

/* OR_OK with the user's name in `mem`; OR_ABSENT: they are not for us, or not for now.
 * `must_expire`: a token without exp is refused. */
or_status jwt_check_claims(const json_t *claims, const struct jwt_rules *rules, int64_t now_s,
                           bool must_expire, struct span *user_out, struct err *e) OR_MUST_USE;

#endif
