/*
 * Stored passwords: checking those of password_scheme.c's table (password_make.h makes them).
 *
 * Time: an unknown user costs what a wrong password costs (password_check_nobody()). At most a few
 * hashes are computed at once, so that guessing cannot starve the machine; the others wait, no
 * longer than their deadline.
 *
 * Threads: locked (the gate inside); everything else is on the caller's heap and wiped.
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_PASSWORD_H
#define OUTRIDER_AUTHD_ACCOUNTS_PASSWORD_H

#include "common/base/arena.h"

#define PASSWORD_MAX_BYTES 511      /* CRYPT_MAX_PASSPHRASE_SIZE less its NUL */
#define PASSWORD_MAX_HASH_BYTES 400 /* CRYPT_OUTPUT_SIZE and the scheme in front */

/* OR_OK: it is the password, or what SASLprep makes of it is. OR_ABSENT: it is not (also when
 * empty, with NUL in it, or too long). OR_MALFORMED: the stored hash is empty, of no scheme we
 * take, weak, or would cost minutes; `e` says so. OR_TIMEOUT: no turn at hashing before the
 * deadline. OR_TEMPFAIL: no memory for it. */
struct password_question {
    struct span stored;   /* "{SCHEME}text" */
    struct span password; /* what somebody says it is */
    int64_t deadline_mono_ms;
    bool goes_first; /* gets its turn at hashing before others */
    bool allow_weak; /* take the schemes that password_scheme.c calls so */
};
or_status password_check(const struct password_question *question, struct err *e) OR_MUST_USE;
/* Costs what password_check() costs against a hash of the default scheme; `stored` is not looked
 * at. Never OR_OK: OR_ABSENT, OR_TIMEOUT or OR_TEMPFAIL. */
or_status password_check_nobody(const struct password_question *question) OR_MUST_USE;

/* Whether a hash made elsewhere can be stored. */
bool password_is_supported(struct span stored);
/* 1 to PASSWORD_MAX_BYTES bytes, no NUL. */
bool password_is_hashable(struct span password);
/* Whether it is stored as it is, {PLAIN} or {CLEARTEXT}. */
bool password_is_plain(struct span stored, struct span *password_out);

#endif
