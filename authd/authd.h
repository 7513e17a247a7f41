/*
 * What authd's sessions share: the state of the process and what each configuration builds.
 *
 * Threads: immutable pointers to locked things.
 */
#ifndef OUTRIDER_AUTHD_AUTHD_H
#define OUTRIDER_AUTHD_AUTHD_H

#include "authd/accounts/account_source.h"
#include "authd/auth_requests.h"
#include "authd/authd_conf.h"
#include "authd/dict/dict_store.h"
#include "authd/guard/country.h"
#include "authd/export_watch.h"
#include "authd/guard/guard_watch.h"
#include "authd/login_cache.h"
#include "authd/oauth/oauth.h"
#include "common/run/daemon.h"
#include "common/run/decisions.h"

#include <stdatomic.h>

#define AUTHD_SALT_SECRET_BYTES 32

/* daemon_state(): what outlives reloads. */
struct authd_state {
    struct auth_requests *requests;
    struct login_cache *cache;
    struct kvstore *store; /* NULL: none */
    struct guard *guard;
    struct guard_watch *watch;
    struct export_watch *export;
    struct decisions *logins;                  /* NULL: none are kept */
    char salt_secret[AUTHD_SALT_SECRET_BYTES]; /* login_keys.c */
    atomic_flag rehashing;                     /* login_rehash.c: one is under way */
};

/* daemon_snapshot.built */
struct authd_built {
    struct accounts accounts;
    struct login_cache *cache;       /* the state's */
    struct guard *guard;             /* the state's */
    struct decisions *logins;        /* the state's */
    struct country_table *countries; /* NULL: none */
    const char *salt_secret;         /* the state's */
    atomic_flag *rehashing;          /* the state's */
    struct dict_store *dict;         /* NULL without `listen dict` */
    struct oauth *oauth;             /* NULL without section `oauth` */
};

/* The logins that wait for their REQUEST. */
struct auth_requests *authd_requests(struct daemon *d);

/* The daemon skeleton's hooks. */
or_status authd_open(const void *settings, void **state_out, struct err *e) OR_MUST_USE;
void authd_close(void *state);
or_status authd_build(void *state, const void *settings, bool check_only, void **built_out,
                      struct err *e) OR_MUST_USE;
void authd_destroy(void *built);

/* An account by what somebody typed: canonical form, then with the detail taken off where the whole
 * is no account. OR_OK, OR_ABSENT (also for what is no address), OR_TEMPFAIL. */
or_status
authd_find_account(const struct daemon_snapshot *snapshot, struct span name, struct arena *mem,
                   struct account_row *row_out, struct err *e) OR_MUST_USE;

/* Where an account's mail lies and whose it is: its own values, or the daemon's. */
struct authd_mailbox {
    int64_t uid, gid;
    struct span home;
};

/* OR_LIMIT: the home would be too long, or past the arena. */
or_status
authd_find_mailbox(const struct daemon_snapshot *snapshot, const struct account_row *row,
                   struct arena *mem, struct authd_mailbox *mailbox_out, struct err *e) OR_MUST_USE;

#endif
