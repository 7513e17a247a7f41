/*
 * The accounts: domains, mailboxes, aliases in one SQLite file, for the daemon (reading) and the
 * CLI (changing).
 *
 * Addresses are canonical: local part and domain in lower case, the domain as A-labels, no quoting
 * (account_address_parse()). Changes by the CLI are seen at once (WAL).
 *
 * Threads: locked (LOCK_ACCOUNT_DB around each statement; never held across hashing or sockets).
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_DB_H
#define OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_DB_H

#include "common/base/arena.h"

#include <sys/types.h>

#define ACCOUNT_MAX_LOCAL_BYTES 64
#define ACCOUNT_MAX_ALIAS_TARGETS 1000 /* of one alias */
#define ACCOUNT_MAX_ALIAS_DEPTH 10     /* aliases that lead to aliases */

/* An address in canonical form. */
struct account_address {
    struct span local;
    struct span domain;
    struct span whole; /* local@domain */
};

/* How much a mailbox may hold; 0: no limit. */
struct account_quota {
    int64_t bytes;
    int64_t messages;
};

struct account_source;

/* A mailbox as stored. Overrides of the daemon's mail-uid, mail-gid and mail-home are absent as -1
 * and an empty span. */
struct account_row {
    struct account_address address;
    struct span password;   /* "{CRYPT}$y$..."; empty: no login by password */
    struct span scram_keys; /* beside it (password_scram.h); empty: none */
    bool enabled;
    bool app_passwords_only; /* its own password opens nothing; ignored by account_db_add() */
    int64_t uid, gid;
    struct span home;
    struct span host; /* the machine that has the mailbox (account_host.h); empty: this one */
    struct account_quota quota;          /* its own, or its domain's; ignored by account_db_add() */
    const struct account_source *source; /* set by accounts_find() */
    struct span handle; /* not empty: the source itself says whether a password is right */
};

/* What account_db_set() changes: what is pointed to. */
struct account_change {
    const bool *enabled;
    const struct account_quota *quota;
    bool quota_of_domain; /* it has no quota of its own any more */
    const bool *app_passwords_only;
    const struct span *host; /* empty: this machine */
};

struct account_db;

/* `may_write`: creates the file and brings it up to date (the daemon at start, the CLI); otherwise
 * it must exist. OR_CONFIG, OR_ABSENT as sqlite_db_open(). */
or_status account_db_open(const char *path, bool may_write, struct account_db **db_out,
                          struct err *e) OR_MUST_USE;
void account_db_close(struct account_db *db); /* NULL is allowed */
/* As given to account_db_open(). */
const char *account_db_path(const struct account_db *db);

/* A number that changes when another connection has changed something. OR_TEMPFAIL. */
or_status
account_db_version(struct account_db *db, int64_t *version_out, struct err *e) OR_MUST_USE;

/* Canonical form. Only ASCII letters are lowered; other characters go through SASLprep (RFC 4013)
 * where it takes them. OR_MALFORMED: no '@', bad domain, or a local part that is empty, over
 * ACCOUNT_MAX_LOCAL_BYTES, begins with a dot, or holds '/', blanks, control bytes, NUL, '@',
 * quotes, commas and other specials of RFC 5322, or bad UTF-8: it becomes part of paths and lines.
 * `catch_all_ok`: "@domain" (empty local part) is allowed. OR_LIMIT
 * past the arena. */
or_status account_address_parse(struct span text, bool catch_all_ok, struct arena *mem,
                                struct account_address *address_out, struct err *e) OR_MUST_USE;

/* The domain alone, canonical; OR_MALFORMED also where it is no host name. */
or_status account_domain_parse(struct span text, struct arena *mem, struct span *domain_out,
                               struct err *e) OR_MUST_USE;

/* The look-ups below: OR_OK, OR_ABSENT, or OR_TEMPFAIL when the database cannot be read. */
or_status
account_db_find_domain(struct account_db *db, struct span domain, struct err *e) OR_MUST_USE;
/* One whose mail is kept, not sent on. */
or_status account_db_find_mailbox_domain(struct account_db *db, struct span domain,
                                         struct err *e) OR_MUST_USE;
/* Where mail for this domain, which others keep, goes on to (account_host.h). */
or_status account_db_find_relay(struct account_db *db, struct span domain, struct arena *mem,
                                struct span *relay_out, struct err *e) OR_MUST_USE;
or_status
account_db_find(struct account_db *db, const struct account_address *address, struct arena *mem,
                struct account_row *row_out, struct err *e) OR_MUST_USE;
/* Targets of exactly this alias ("@domain" for the catch-all, with an empty local part). */
or_status account_db_find_alias(struct account_db *db, const struct account_address *address,
                                struct arena *mem, struct span **targets_out, size_t *count_out,
                                struct err *e) OR_MUST_USE;

/* Walks all accounts in order of address; `visit` returns false to end early. The row is valid
 * during the call; the lock is not held during it. */
or_status
account_db_each(struct account_db *db, bool (*visit)(void *context, const struct account_row *row),
                void *context, struct err *e) OR_MUST_USE;
/* Walks all domains, and all aliases (one call per target). */
or_status
account_db_each_domain(struct account_db *db, bool (*visit)(void *context, struct span domain),
                       void *context, struct err *e) OR_MUST_USE;
or_status account_db_each_alias(struct account_db *db,
                                bool (*visit)(void *context, struct span alias, struct span target),
                                void *context, struct err *e) OR_MUST_USE;

/* Changes (CLI). OR_MALFORMED: it is there already, or the domain is not; OR_ABSENT: what is to be
 * changed is not there. `e` says it in a sentence. */
or_status
account_db_add_domain(struct account_db *db, struct span domain, struct err *e) OR_MUST_USE;
/* OR_MALFORMED while it has accounts or aliases. */
or_status
account_db_delete_domain(struct account_db *db, struct span domain, struct err *e) OR_MUST_USE;
/* OR_MALFORMED also when an alias has that address. */
or_status
account_db_add(struct account_db *db, const struct account_row *row, struct err *e) OR_MUST_USE;
/* Replaces both: keys of an old password must not open the account. */
or_status
account_db_set_password(struct account_db *db, const struct account_address *address,
                        struct span password, struct span scram_keys, struct err *e) OR_MUST_USE;
/* As account_db_set_password(), where `old` is still what is stored; else OR_ABSENT. */
or_status account_db_replace_password(struct account_db *db, const struct account_row *old,
                                      struct span password, struct span scram_keys,
                                      struct err *e) OR_MUST_USE;
or_status account_db_set(struct account_db *db, const struct account_address *address,
                         const struct account_change *change, struct err *e) OR_MUST_USE;
/* An account with its quota and the rest of `change` at once, all or nothing. */
or_status account_db_add_with(struct account_db *db, const struct account_row *row,
                              const struct account_change *change, struct err *e) OR_MUST_USE;

/* Of the domain's mailboxes that have none of their own. */
or_status account_db_set_domain_quota(struct account_db *db, struct span domain,
                                      const struct account_quota *quota, struct err *e) OR_MUST_USE;
/* Mail for the domain goes on to `relay`; empty: it is kept here. */
or_status account_db_set_domain_relay(struct account_db *db, struct span domain, struct span relay,
                                      struct err *e) OR_MUST_USE;
or_status account_db_delete(struct account_db *db, const struct account_address *address,
                            struct err *e) OR_MUST_USE;
/* Adds targets to an alias, making it when it is new. OR_MALFORMED when the alias would lead to
 * itself, over ACCOUNT_MAX_ALIAS_DEPTH, has an account of that name, or over
 * ACCOUNT_MAX_ALIAS_TARGETS. Targets are canonical addresses, ours or others'. All or nothing. */
or_status account_db_add_alias(struct account_db *db, const struct account_address *alias,
                               const struct span *targets, size_t count, struct err *e) OR_MUST_USE;
/* With target.n == 0 the whole alias. */
or_status account_db_delete_alias(struct account_db *db, const struct account_address *alias,
                                  struct span target, struct err *e) OR_MUST_USE;

#endif
