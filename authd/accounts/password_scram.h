/*
 * SCRAM keys as a stored password, "{SCRAM-SHA-256}iterations,salt,StoredKey,ServerKey".
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_PASSWORD_SCRAM_H
#define OUTRIDER_AUTHD_ACCOUNTS_PASSWORD_SCRAM_H

#include "authd/accounts/password.h"
#include "authd/accounts/scram_keys.h"

/* Keys with a fresh salt. OR_MALFORMED: no password that password_hash() takes. OR_TEMPFAIL. */
or_status password_scram_hash(enum scram_digest digest, struct span password,
                              char out[PASSWORD_MAX_HASH_BYTES], struct err *e) OR_MUST_USE;
/* OR_ABSENT: it is no "{SCRAM-SHA-...}" of this digest; OR_MALFORMED. Only OR_OK writes to
 * `keys_out`, which the caller wipes. */
or_status password_scram_keys(struct span stored, enum scram_digest digest,
                              struct scram_keys *keys_out) OR_MUST_USE;

#endif
