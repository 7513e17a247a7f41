/*
 * The application passwords in the accounts' database. They go with their account.
 *
 * Threads: locked (LOCK_ACCOUNT_DB).
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_APP_PASSWORD_DB_H
#define OUTRIDER_AUTHD_ACCOUNTS_APP_PASSWORD_DB_H

#include "authd/accounts/account_db.h"
#include "authd/accounts/app_password.h"

/* A login with one is written down at most this often. */
#define APP_PASSWORD_USED_EVERY_S 3600

/* Times in seconds since 1970. */
struct app_password {
    struct span name;
    unsigned scope;
    int64_t created_s;
    int64_t expires_s; /* 0: never */
    int64_t used_s;    /* last login, to the hour; 0: none yet */
};

/* OR_ABSENT: there is no such account. OR_MALFORMED: it has one of that name, or
 * APP_PASSWORD_MAX_PER_ACCOUNT. `p->used_s` is ignored. */
or_status app_password_db_add(struct account_db *db, const struct account_address *address,
                              const struct app_password *p,
                              const char hash[APP_PASSWORD_HASH_BYTES], struct err *e) OR_MUST_USE;
/* OR_ABSENT: there is none of that name. */
or_status app_password_db_delete(struct account_db *db, const struct account_address *address,
                                 struct span name, struct err *e) OR_MUST_USE;
/* All of an account, in order of name; none of an unknown one. */
or_status app_password_db_list(struct account_db *db, const struct account_address *address,
                               struct arena *mem, struct app_password **list_out, size_t *count_out,
                               struct err *e) OR_MUST_USE;

/* The account's own one with this hash; OR_ABSENT. Whether it may be used, `scope` and `expires_s`
 * say. */
or_status app_password_db_find(struct account_db *db, const struct account_address *address,
                               const char hash[APP_PASSWORD_HASH_BYTES], struct arena *mem,
                               struct app_password *p_out, struct err *e) OR_MUST_USE;
/* It was used now. Writes nothing when it was within APP_PASSWORD_USED_EVERY_S. On a busy server
 * several are written together, a second later at most when others log in; a crash may lose those.
 */
or_status
app_password_db_used(struct account_db *db, const struct account_address *address,
                     const struct app_password *p, int64_t now_s, struct err *e) OR_MUST_USE;
/* For account_db_close(): writes what still waits. */
void app_password_db_close(struct account_db *db);

#endif
