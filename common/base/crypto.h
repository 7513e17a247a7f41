/*
 * Random bytes, HMAC, constant-time comparison, wiping. Ciphers and signatures live with their
 * protocol (milter/dkim/dkim_crypto, authd/accounts/password).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_BASE_CRYPTO_H
#define OUTRIDER_COMMON_BASE_CRYPTO_H

#include "common/base/span.h"

/* From the kernel; aborts when there is no entropy source at all. */
void crypto_random(void *p, size_t n);
/* Uniform in 0..bound-1; bound > 0. */
uint32_t crypto_random_below(uint32_t bound);
/* 2*n lower-case hex digits and a NUL. */
void crypto_random_hex(char *out, size_t n_bytes);

enum crypto_digest { CRYPTO_SHA1, CRYPTO_SHA256 };
#define CRYPTO_DIGEST_MAX_BYTES 32

/* HMAC (RFC 2104): 20 bytes with SHA-1, 32 with SHA-256. Aborts when OpenSSL refuses, which it does
 * only for want of memory. */
void crypto_hmac(enum crypto_digest digest, struct span key, struct span bytes,
                 unsigned char out[CRYPTO_DIGEST_MAX_BYTES]);

#define CRYPTO_MD5_BYTES 16
/* For CRAM-MD5 (RFC 2195) only. False: OpenSSL's policy (FIPS) forbids MD5. */
bool crypto_hmac_md5(struct span key, struct span bytes, unsigned char out[CRYPTO_MD5_BYTES]);

/* Time depends on the lengths only. */
bool crypto_equal(struct span a, struct span b);
/* Not removed by the optimiser. */
void crypto_wipe(void *p, size_t n);

#endif
