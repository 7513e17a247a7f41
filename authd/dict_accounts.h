/*
 * Accounts as the values of a dict: shared/passdb/NAME, shared/userdb/NAME.
 *
 * Threads: immutable (what they ask is locked).
 */
#ifndef OUTRIDER_AUTHD_DICT_ACCOUNTS_H
#define OUTRIDER_AUTHD_DICT_ACCOUNTS_H

#include "authd/authd.h"

/* Where `key` is one of an account: which value, and of whom (unescaped, in `mem`). */
enum dict_account_value { DICT_ACCOUNT_NONE, DICT_ACCOUNT_PASSDB, DICT_ACCOUNT_USERDB };

enum dict_account_value dict_accounts_match(struct span key, struct span *name_out);

/* The JSON object that Dovecot takes. OR_ABSENT: no such account; of the passdb also when it may
 * not log in, or has no password. OR_TEMPFAIL: not to be known now. */
or_status dict_accounts_get(const struct daemon_snapshot *snapshot, enum dict_account_value value,
                            struct span name, struct arena *mem, struct span *json_out,
                            struct err *e) OR_MUST_USE;

#endif
