/*
 * Who on this machine may change which accounts: roles of system users, by uid, in the accounts'
 * database. A role goes with the domain or account that it is about.
 *
 * Threads: locked (LOCK_ACCOUNT_DB).
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_ROLES_H
#define OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_ROLES_H

#include "authd/accounts/account_db.h"

/* Each may what those before it may. */
enum account_role {
    ACCOUNT_ROLE_NONE,
    ACCOUNT_ROLE_OWNER,  /* of one account: its passwords */
    ACCOUNT_ROLE_DOMAIN, /* of one domain: its accounts and aliases, up to its limits */
    ACCOUNT_ROLE_SYSTEM,
};

struct account_role_row {
    int64_t id; /* for account_roles_next() */
    int64_t uid;
    struct span name;    /* the user's, as it was when the role was given; for people */
    struct span domain;  /* of ACCOUNT_ROLE_DOMAIN; else empty */
    struct span address; /* of ACCOUNT_ROLE_OWNER; else empty. Both empty: ACCOUNT_ROLE_SYSTEM */
};

/* OR_ABSENT: no such domain or account. OR_MALFORMED: the user has that role. */
or_status account_roles_add(struct account_db *db, const struct account_role_row *role,
                            struct err *e) OR_MUST_USE;
/* OR_ABSENT: the user has no such role. */
or_status account_roles_delete(struct account_db *db, const struct account_role_row *role,
                               struct err *e) OR_MUST_USE;
/* The one after the id (0: the first); OR_ABSENT at the end. */
or_status account_roles_next(struct account_db *db, int64_t id, struct arena *mem,
                             struct account_role_row *role_out, struct err *e) OR_MUST_USE;

/* The highest role that the user has for this domain and address; either may be empty. */
or_status
account_roles_find(struct account_db *db, uid_t uid, struct span domain, struct span address,
                   enum account_role *role_out, struct err *e) OR_MUST_USE;

#endif
