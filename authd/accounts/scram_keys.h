/*
 * SCRAM's keys (RFC 5802 3): what a server keeps so that it can check a client that proves to know
 * the password, and cannot itself log in elsewhere with it. Stored as Dovecot does:
 * "iterations,salt,StoredKey,ServerKey", the last three in base64.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_SCRAM_KEYS_H
#define OUTRIDER_AUTHD_ACCOUNTS_SCRAM_KEYS_H

#include "common/base/buf.h"

#define SCRAM_MAX_KEY_BYTES 64
#define SCRAM_MAX_SALT_BYTES 64
#define SCRAM_MAX_ITERATIONS 2000000
#define SCRAM_NEW_ITERATIONS 10000 /* of keys made here; RFC 7677 4 asks for more than 4096 */
#define SCRAM_NEW_SALT_BYTES 16

enum scram_digest { SCRAM_SHA1, SCRAM_SHA256, SCRAM_SHA512 };

/* Wiped by who has it. */
struct scram_keys {
    enum scram_digest digest;
    uint32_t iterations;
    size_t salt_bytes;
    char salt[SCRAM_MAX_SALT_BYTES];
    unsigned char stored_key[SCRAM_MAX_KEY_BYTES];
    unsigned char server_key[SCRAM_MAX_KEY_BYTES];
};

size_t scram_digest_bytes(enum scram_digest digest);

/* HMAC and H of the RFC. OR_TEMPFAIL: OpenSSL fails. */
or_status scram_hmac(enum scram_digest digest, struct span key, struct span bytes,
                     unsigned char out[SCRAM_MAX_KEY_BYTES]) OR_MUST_USE;
or_status scram_hash(enum scram_digest digest, struct span bytes,
                     unsigned char out[SCRAM_MAX_KEY_BYTES]) OR_MUST_USE;

/* Fills in stored_key and server_key from the password and the other fields. OR_TEMPFAIL. */
or_status scram_keys_derive(struct scram_keys *keys, struct span password) OR_MUST_USE;

/* OR_MALFORMED: not complete, or iterations past SCRAM_MAX_ITERATIONS. */
or_status scram_keys_parse(enum scram_digest digest, struct span text, struct scram_keys *keys_out,
                           struct err *e) OR_MUST_USE;
void scram_keys_format(const struct scram_keys *keys, struct buf *out);

#endif
