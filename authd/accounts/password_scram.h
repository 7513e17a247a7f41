/*
 * SCRAM keys as a stored password, "{SCRAM-SHA-256}iterations,salt,StoredKey,ServerKey".
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_PASSWORD_SCRAM_H
#define OUTRIDER_AUTHD_ACCOUNTS_PASSWORD_SCRAM_H

#include "authd/accounts/password.h"
#include "authd/accounts/scram_keys.h"

#define PASSWORD_SCRAM_ALL_MAX_BYTES 640 /* one of each, blanks between them */

/* Adds keys with a fresh salt to `out`. OR_TEMPFAIL; OR_LIMIT. */
or_status password_scram_make(enum scram_digest digest, struct span password, struct buf *out,
                              struct err *e) OR_MUST_USE;
/* Of `stored`, one or several with blanks between them, the one of this digest. OR_ABSENT: there is
 * none; OR_MALFORMED. Only OR_OK writes to `keys_out`, which the caller wipes. */
or_status password_scram_keys(struct span stored, enum scram_digest digest,
                              struct scram_keys *keys_out) OR_MUST_USE;

#endif
