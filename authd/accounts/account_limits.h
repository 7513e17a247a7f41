/*
 * What a domain's administrators may make: how many accounts and aliases, and how much one mailbox
 * may hold. Changes by others do not end at these limits.
 *
 * Threads: locked (LOCK_ACCOUNT_DB).
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_LIMITS_H
#define OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_LIMITS_H

#include "authd/accounts/account_db.h"

/* 0: no limit. */
struct account_limits {
    int64_t users, aliases, quota_bytes;
};

/* Those that are -1 stay as they are. OR_ABSENT: no such domain. */
or_status account_limits_set(struct account_db *db, struct span domain,
                             const struct account_limits *limits, struct err *e) OR_MUST_USE;
or_status account_limits_find(struct account_db *db, struct span domain,
                              struct account_limits *limits_out, struct err *e) OR_MUST_USE;

/* Whether changes over this handle, which nobody else uses meanwhile, end at the limits with
 * OR_MALFORMED. Not before this is called. */
void account_limits_heed(struct account_db *db, bool heed);

enum account_limit { ACCOUNT_LIMIT_USERS, ACCOUNT_LIMIT_ALIASES, ACCOUNT_LIMIT_QUOTA };

/* Within a change, before it is committed: whether it went past the limit of the domain (`subject`;
 * with ACCOUNT_LIMIT_QUOTA: the account's address). OR_OK where limits are not heeded. */
or_status account_limits_check(struct account_db *db, enum account_limit limit, struct span subject,
                               struct err *e) OR_MUST_USE;

#endif
