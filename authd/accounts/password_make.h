/*
 * Making what is stored of a new password.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_PASSWORD_MAKE_H
#define OUTRIDER_AUTHD_ACCOUNTS_PASSWORD_MAKE_H

#include "authd/accounts/password.h"
#include "authd/accounts/password_scram.h"

/* In the order of the words. */
enum password_scheme {
    PASSWORD_YESCRYPT,
    PASSWORD_ARGON2ID,
    PASSWORD_BLF_CRYPT,
    PASSWORD_SHA512_CRYPT,
    PASSWORD_SCRAM_SHA1,
    PASSWORD_SCRAM_SHA256,
    PASSWORD_SCRAM_SHA512,
};

/* How configuration and command line name them; ends with NULL. */
extern const char *const password_scheme_words[];

/* Wiped by who has it. */
struct password_made {
    char stored[PASSWORD_MAX_HASH_BYTES];          /* "{CRYPT}$y$..." */
    char scram_keys[PASSWORD_SCRAM_ALL_MAX_BYTES]; /* account_row.scram_keys */
};

/* Both from a password, prepared by SASLprep where that can be (RFC 5802 5.1), with fresh salts.
 * OR_MALFORMED: empty, with NUL, or over PASSWORD_MAX_BYTES. OR_TEMPFAIL: a library fails. Takes as
 * long as a few hashings; not gated. */
or_status password_make(enum password_scheme scheme, struct span password,
                        struct password_made *made_out, struct err *e) OR_MUST_USE;

/* Whether what is stored should be made anew: it is of a weaker kind than `scheme` makes. */
bool password_is_weaker(struct span stored, enum password_scheme scheme);

#endif
