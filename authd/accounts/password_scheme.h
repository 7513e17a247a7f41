/*
 * The kinds of stored passwords, "{SCHEME}text" as Dovecot writes them: a row for each, with what
 * makes its text one that may be computed.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_PASSWORD_SCHEME_H
#define OUTRIDER_AUTHD_ACCOUNTS_PASSWORD_SCHEME_H

#include "common/base/span.h"
#include "common/base/status.h"

struct password_kind {
    struct span name; /* with its braces */
    struct span mark; /* how the text begins */
    bool weak;        /* quickly guessed, or no hash at all */
    int strength;     /* for comparing: what a guess costs whoever has stolen it */
    /* Whether the text is whole and its cost bearable, before anything is computed. OR_MALFORMED;
     * `e` never holds any of it. NULL: `verify` looks itself. */
    or_status (*check)(struct span text, struct err *e);
    /* OR_OK, OR_ABSENT, OR_MALFORMED, OR_TEMPFAIL. NULL: crypt(3) does it. */
    or_status (*verify)(struct span text, struct span password, struct err *e);
};

/* The row of a stored password; NULL when there is none, and `e` says so. *text_out is what stands
 * behind the scheme. */
const struct password_kind *
password_scheme_find(struct span stored, struct span *text_out, struct err *e);

/* crypt(3)'s kinds (password_crypt.c). */
or_status password_crypt_check_yescrypt(struct span text, struct err *e) OR_MUST_USE;
or_status password_crypt_check_sha512(struct span text, struct err *e) OR_MUST_USE;
or_status password_crypt_check_sha256(struct span text, struct err *e) OR_MUST_USE;
or_status password_crypt_check_bcrypt(struct span text, struct err *e) OR_MUST_USE;
or_status password_crypt_check_md5(struct span text, struct err *e) OR_MUST_USE;

/* Digests with or without salt, PBKDF2, SCRAM's stored keys (password_digest.c). */
or_status password_digest_sha1(struct span text, struct span password, struct err *e) OR_MUST_USE;
or_status password_digest_sha256(struct span text, struct span password, struct err *e) OR_MUST_USE;
or_status password_digest_sha512(struct span text, struct span password, struct err *e) OR_MUST_USE;
or_status password_digest_md5(struct span text, struct span password, struct err *e) OR_MUST_USE;
or_status password_digest_plain(struct span text, struct span password, struct err *e) OR_MUST_USE;
or_status password_digest_pbkdf2(struct span text, struct span password, struct err *e) OR_MUST_USE;
or_status
password_digest_scram_sha1(struct span text, struct span password, struct err *e) OR_MUST_USE;
or_status
password_digest_scram_sha256(struct span text, struct span password, struct err *e) OR_MUST_USE;
or_status
password_digest_scram_sha512(struct span text, struct span password, struct err *e) OR_MUST_USE;

/* passlib's bcrypt of a digest (password_bcrypt_sha256.c). */
or_status password_bcrypt_sha256_check(struct span text, struct err *e) OR_MUST_USE;
or_status
password_bcrypt_sha256_verify(struct span text, struct span password, struct err *e) OR_MUST_USE;

/* Argon2 by libsodium (password_argon2.c). */
or_status password_argon2_check(struct span text, struct err *e) OR_MUST_USE;
or_status password_argon2_verify(struct span text, struct span password, struct err *e) OR_MUST_USE;
#define PASSWORD_ARGON2_TEXT_BYTES 128
/* OR_TEMPFAIL: no memory for it. */
or_status password_argon2_make(struct span password, char out[PASSWORD_ARGON2_TEXT_BYTES],
                               struct err *e) OR_MUST_USE;

#endif
