/*
 * Where accounts come from: a table of functions for each kind of store, and the chain of stores
 * that the configuration names.
 *
 * A store that cannot be asked ends the search: the account may be there, and what a later one says
 * of it would be somebody else's word.
 *
 * Threads: the chain is immutable once built; each kind says in its file how it is locked.
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_SOURCE_H
#define OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_SOURCE_H

#include "authd/accounts/app_password_db.h"

typedef bool (*account_visit)(void *context, const struct account_row *row);

/* Is this the account's password? */
struct account_question {
    struct span password;
    struct span client; /* the address that it comes from, as text; empty: not known */
    int64_t deadline_mono_ms;
};

/* All but `find` and `close` may be NULL: what such a store does not have. Failures are OR_TEMPFAIL
 * with a text that does not name the source; the chain does. */
struct account_source_type {
    const char *kind;
    /* OR_OK, OR_ABSENT, OR_TEMPFAIL. */
    or_status (*find)(void *self, const struct account_address *address, struct arena *mem,
                      struct account_row *row_out, struct err *e);
    or_status (*find_domain)(void *self, struct span domain, struct err *e);
    /* Where mail for a domain goes on to that others keep; find_domain does not know it. */
    or_status (*find_relay)(void *self, struct span domain, struct arena *mem,
                            struct span *relay_out, struct err *e);
    or_status (*find_alias)(void *self, const struct account_address *alias, struct arena *mem,
                            struct span **targets_out, size_t *count_out, struct err *e);
    or_status (*each)(void *self, account_visit visit, void *context, struct err *e);
    /* Asks the store itself whether this is the password, instead of comparing with row->password.
     * OR_OK, OR_ABSENT: it is not, OR_TEMPFAIL, OR_TIMEOUT. */
    or_status (*verify)(void *self, const struct account_row *row, const struct account_question *q,
                        struct err *e);
    /* Stores a password anew where row->password is still what is stored, else OR_ABSENT. Holds up
     * no look-ups. */
    or_status (*replace_password)(void *self, const struct account_row *row, struct span password,
                                  struct span scram_keys, struct err *e);
    /* app_password_db.h; NULL: such a store has no application passwords. */
    or_status (*find_app_password)(void *self, const struct account_address *address,
                                   const char *hash, struct arena *mem, struct app_password *p_out,
                                   struct err *e);
    or_status (*app_password_used)(void *self, const struct account_address *address,
                                   const struct app_password *p, int64_t now_s, struct err *e);
    void (*close)(void *self);
};

struct account_source {
    const struct account_source_type *type;
    void *self;
    const char *name;           /* of its section */
    const char *const *domains; /* canonical; it is asked about no others. NULL: about all */
    size_t domain_count;
};

#define ACCOUNT_MAX_SOURCES 16

struct accounts {
    struct account_source sources[ACCOUNT_MAX_SOURCES];
    size_t count;
};

/* `source` is taken over. OR_CONFIG: there are ACCOUNT_MAX_SOURCES already. */
or_status
accounts_add(struct accounts *all, const struct account_source *source, struct err *e) OR_MUST_USE;
void accounts_close(struct accounts *all);

/* As the functions of account_db.h, over the chain in its order. row_out->source is where it was
 * found. */
or_status accounts_find(const struct accounts *all, const struct account_address *address,
                        struct arena *mem, struct account_row *row_out, struct err *e) OR_MUST_USE;
or_status
accounts_find_domain(const struct accounts *all, struct span domain, struct err *e) OR_MUST_USE;
or_status accounts_find_relay(const struct accounts *all, struct span domain, struct arena *mem,
                              struct span *relay_out, struct err *e) OR_MUST_USE;
or_status accounts_find_alias(const struct accounts *all, const struct account_address *alias,
                              struct arena *mem, struct span **targets_out, size_t *count_out,
                              struct err *e) OR_MUST_USE;
/* One source after the other; those that cannot list their accounts are left out. */
or_status accounts_each(const struct accounts *all, account_visit visit, void *context,
                        struct err *e) OR_MUST_USE;

/* The SQLite database (account_db.h) as a source; takes `db` over. */
struct account_source account_source_sqlite(struct account_db *db, const char *name);

#endif
