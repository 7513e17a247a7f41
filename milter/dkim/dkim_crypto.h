/*
 * The cryptography of DKIM over OpenSSL 3 (EVP only): SHA-256, RSA PKCS#1 v1.5 (RFC 6376 3.3) and
 * Ed25519 (RFC 8463), public keys as they come from DNS, private keys as PEM.
 *
 * Threads: keys are immutable and may be shared; a digest is per-thread.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_CRYPTO_H
#define OUTRIDER_MILTER_DKIM_DKIM_CRYPTO_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "milter/dkim/dkim.h"

#define DKIM_PEM_MAX_BYTES 16384 /* of a private key file; RSA 4096 needs 3.3 KiB */

/* SHA-256 in steps. Running out of memory aborts, as xalloc.h does. */
struct dkim_digest;
struct dkim_digest *dkim_digest_new(void);
void dkim_digest_update(struct dkim_digest *d, const char *p, size_t n);
/* A second digest that goes on from here. */
struct dkim_digest *dkim_digest_copy(const struct dkim_digest *d);
/* The digest is used up; only free it. */
void dkim_digest_final(struct dkim_digest *d, unsigned char hash_out[DKIM_HASH_BYTES]);
void dkim_digest_free(struct dkim_digest *d); /* NULL is allowed */

struct dkim_public;
/* RSA: DER, SubjectPublicKeyInfo as everyone publishes it or RSAPublicKey as RFC 6376 3.6.1 says.
 * Ed25519: the 32 bytes (RFC 8463 4.2). Any RSA size is taken: see dkim_public_bits(). OR_MALFORMED
 * says what is wrong, also for trailing bytes and for exponents over 64 bits (their cost is an
 * attack). */
or_status dkim_public_parse(enum dkim_key_type type, struct span bytes,
                            struct dkim_public **key_out, struct err *e) OR_MUST_USE;
unsigned dkim_public_bits(const struct dkim_public *key);
/* Whether `signature` is the key's signature over the SHA-256 hash. */
bool dkim_public_verify(const struct dkim_public *key, const unsigned char hash[DKIM_HASH_BYTES],
                        struct span signature);
/* Another hold on the same key: each is freed once. */
struct dkim_public *dkim_public_share(struct dkim_public *key);
void dkim_public_free(struct dkim_public *key); /* NULL is allowed */

struct dkim_private;
/* PEM, PKCS#1 or PKCS#8, RSA of 1024 to 4096 bits or Ed25519, not encrypted. OR_CONFIG says what is
 * wrong. */
or_status
dkim_private_parse(struct span pem, struct dkim_private **key_out, struct err *e) OR_MUST_USE;
/* The same from a file. OR_CONFIG names the file, also when others than owner and group have any
 * right to it. */
or_status
dkim_private_read(const char *path, struct dkim_private **key_out, struct err *e) OR_MUST_USE;
/* `bits` counts for RSA only, 1024..4096. OR_BUG when OpenSSL refuses. */
or_status dkim_private_generate(enum dkim_key_type type, unsigned bits,
                                struct dkim_private **key_out, struct err *e) OR_MUST_USE;
/* Appends PKCS#8 PEM; the caller wipes the buf (buf_fini_wiped). */
or_status dkim_private_format(const struct dkim_private *key, struct buf *out) OR_MUST_USE;
enum dkim_key_type dkim_private_type(const struct dkim_private *key);
unsigned dkim_private_bits(const struct dkim_private *key);
/* Whether `public_key` is the other half of the pair. */
bool dkim_private_matches(const struct dkim_private *key, const struct dkim_public *public_key);
/* Appends the key record for DNS: "v=DKIM1; k=rsa; p=...". */
or_status dkim_private_format_record(const struct dkim_private *key, struct buf *out) OR_MUST_USE;
/* The signature over a SHA-256 hash, in the arena. OR_LIMIT past it, OR_BUG when OpenSSL refuses.
 */
or_status
dkim_private_sign(const struct dkim_private *key, const unsigned char hash[DKIM_HASH_BYTES],
                  struct arena *mem, struct span *signature_out, struct err *e) OR_MUST_USE;
void dkim_private_free(struct dkim_private *key); /* NULL is allowed */

#endif
