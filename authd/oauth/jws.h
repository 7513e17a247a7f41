/*
 * Signatures of tokens (JWS, RFC 7515), with the algorithms of RFC 7518 3.1 and RFC 8037 3.1 whose
 * keys are public: RS, PS and ES with SHA-256, SHA-384 and SHA-512, and EdDSA with Ed25519. "none"
 * and HMAC are not among them.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_OAUTH_JWS_H
#define OUTRIDER_AUTHD_OAUTH_JWS_H

#include "authd/oauth/jwk.h"

struct jws_algorithm;

/* By the word in a header (`alg`), which is case-sensitive; NULL: it is not taken. */
const struct jws_algorithm *jws_find_algorithm(struct span name);

/* Whether `signature` (bytes, not base64) over `message` is by `jwk` with this algorithm. False
 * also for a key of another kind, or one that is for another algorithm (RFC 8725 3.1). */
bool jws_is_signed_by(const struct jws_algorithm *algorithm, const struct jwk *jwk,
                      struct span message, struct span signature);

#endif
