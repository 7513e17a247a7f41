/*
 * The public keys of an issuer: a JWK set (RFC 7517 5), as far as it is of use for signatures.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_OAUTH_JWKS_H
#define OUTRIDER_AUTHD_OAUTH_JWKS_H

#include "authd/oauth/jwk.h"

#define JWKS_MAX_BYTES (256u << 10)
#define JWKS_MAX_KEYS 64

struct jwks {
    struct jwk keys[JWKS_MAX_KEYS];
    size_t count;
};

/* What jwk_parse() does not take is left out; none left is OR_MALFORMED. Free with jwks_free(). */
or_status jwks_parse(struct span text, struct jwks **jwks_out, struct err *e) OR_MUST_USE;
void jwks_free(struct jwks *jwks); /* NULL is allowed */
bool jwks_has_kid(const struct jwks *jwks, struct span kid);

#endif
