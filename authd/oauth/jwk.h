/*
 * One public key for signatures, from its JSON (RFC 7517 4, RFC 7518 6, RFC 8037 2). What it says
 * is checked when it is read: a key of the wrong size, or a point that is on no curve, never gets
 * as far as a signature.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_OAUTH_JWK_H
#define OUTRIDER_AUTHD_OAUTH_JWK_H

#include "common/base/span.h"

#include <jansson.h>

/* kty and crv in one: whoever names an algorithm means exactly one of these. */
enum jwk_kind { JWK_RSA, JWK_P256, JWK_P384, JWK_P521, JWK_ED25519 };

struct jwk {
    char *kid, *alg; /* NULL: it says none */
    enum jwk_kind kind;
    struct evp_pkey_st *pkey;
};

/* OR_ABSENT: it is not for signatures, or of a kind that we do not know, a symmetric one among
 * them; OR_MALFORMED: no key at all, or one too weak to be believed. For jwk_fini(). */
or_status jwk_parse(const json_t *json, struct jwk *jwk_out) OR_MUST_USE;
void jwk_fini(struct jwk *jwk);

#endif
