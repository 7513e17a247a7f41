/*
 * The chain.
 */
#include "authd/accounts/account_source.h"

or_status
accounts_add(struct accounts *all, const struct account_source *source, struct err *e)
{
    if (all->count == ACCOUNT_MAX_SOURCES)
        return err_set(e, OR_CONFIG, "more than %d sources of accounts", ACCOUNT_MAX_SOURCES);
    all->sources[all->count++] = *source;
    return OR_OK;
}

void
accounts_close(struct accounts *all)
{
    for (size_t i = 0; i < all->count; i++)
        all->sources[i].type->close(all->sources[i].self);
    all->count = 0;
}

static bool
serves(const struct account_source *s, struct span domain)
{
    for (size_t i = 0; i < s->domain_count; i++)
        if (span_equal_cstr(domain, s->domains[i]))
            return true;
    return s->domain_count == 0;
}

/* OR_ABSENT goes on to the next source; all else is the answer. */
static bool
settles(const struct account_source *s, or_status st, struct err *e)
{
    if (st == OR_ABSENT)
        return false;
    if (st != OR_OK)
        (void)err_wrap(e, st, "accounts %s", s->name);
    return true;
}

or_status
accounts_find(const struct accounts *all, const struct account_address *address, struct arena *mem,
              struct account_row *row_out, struct err *e)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct account_source *s = &all->sources[i];

        if (!serves(s, address->domain))
            continue;
        or_status st = s->type->find(s->self, address, mem, row_out, e);
        if (st == OR_OK)
            row_out->source = s;
        if (settles(s, st, e))
            return st;
    }
    return OR_ABSENT;
}

or_status
accounts_find_domain(const struct accounts *all, struct span domain, struct err *e)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct account_source *s = &all->sources[i];

        if (s->type->find_domain == NULL || !serves(s, domain))
            continue;
        or_status st = s->type->find_domain(s->self, domain, e);
        if (settles(s, st, e))
            return st;
    }
    return OR_ABSENT;
}

or_status
accounts_find_relay(const struct accounts *all, struct span domain, struct arena *mem,
                    struct span *relay_out, struct err *e)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct account_source *s = &all->sources[i];

        if (s->type->find_relay == NULL || !serves(s, domain))
            continue;
        or_status st = s->type->find_relay(s->self, domain, mem, relay_out, e);
        if (settles(s, st, e))
            return st;
    }
    return OR_ABSENT;
}

or_status
accounts_find_alias(const struct accounts *all, const struct account_address *alias,
                    struct arena *mem, struct span **targets_out, size_t *count_out, struct err *e)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct account_source *s = &all->sources[i];

        if (s->type->find_alias == NULL || !serves(s, alias->domain))
            continue;
        or_status st = s->type->find_alias(s->self, alias, mem, targets_out, count_out, e);
        if (settles(s, st, e))
            return st;
    }
    return OR_ABSENT;
}

/* Passes on what the source is asked about; an end that was asked for ends the chain too. */
struct chain_walk {
    const struct account_source *source;
    account_visit visit;
    void *context;
    bool ended;
};

static bool
visit_served(void *context, const struct account_row *row)
{
    struct chain_walk *w = context;

    if (!serves(w->source, row->address.domain))
        return true;
    w->ended = !w->visit(w->context, row);
    return !w->ended;
}

or_status
accounts_each(const struct accounts *all, account_visit visit, void *context, struct err *e)
{
    struct chain_walk w = {.visit = visit, .context = context};

    for (size_t i = 0; i < all->count && !w.ended; i++) {
        w.source = &all->sources[i];
        if (w.source->type->each == NULL)
            continue;
        or_status st = w.source->type->each(w.source->self, visit_served, &w, e);
        if (st != OR_OK)
            return err_wrap(e, st, "accounts %s", w.source->name);
    }
    return OR_OK;
}

/* ---- SQLite */

static or_status
sqlite_find(void *self, const struct account_address *address, struct arena *mem,
            struct account_row *row_out, struct err *e)
{
    return account_db_find(self, address, mem, row_out, e);
}

static or_status
sqlite_find_domain(void *self, struct span domain, struct err *e)
{
    return account_db_find_mailbox_domain(self, domain, e);
}

static or_status
sqlite_find_relay(void *self, struct span domain, struct arena *mem, struct span *relay_out,
                  struct err *e)
{
    return account_db_find_relay(self, domain, mem, relay_out, e);
}

static or_status
sqlite_find_alias(void *self, const struct account_address *alias, struct arena *mem,
                  struct span **targets_out, size_t *count_out, struct err *e)
{
    return account_db_find_alias(self, alias, mem, targets_out, count_out, e);
}

static or_status
sqlite_each(void *self, account_visit visit, void *context, struct err *e)
{
    return account_db_each(self, visit, context, e);
}

/* Over a connection of its own: look-ups wait for nobody's turn at writing. */
static or_status
sqlite_replace_password(void *self, const struct account_row *row, struct span password,
                        struct span scram_keys, struct err *e)
{
    struct account_db *writer = NULL;
    or_status st = account_db_open(account_db_path(self), true, &writer, e);

    if (st == OR_OK)
        st = account_db_replace_password(writer, row, password, scram_keys, e);
    account_db_close(writer);
    return st;
}

static or_status
sqlite_find_app_password(void *self, const struct account_address *address, const char *hash,
                         struct arena *mem, struct app_password *p_out, struct err *e)
{
    return app_password_db_find(self, address, hash, mem, p_out, e);
}

static or_status
sqlite_app_password_used(void *self, const struct account_address *address,
                         const struct app_password *p, int64_t now_s, struct err *e)
{
    return app_password_db_used(self, address, p, now_s, e);
}

static void
sqlite_close(void *self)
{
    account_db_close(self);
}

static const struct account_source_type sqlite_type = {
    .kind = "sqlite",
    .find = sqlite_find,
    .find_domain = sqlite_find_domain,
    .find_relay = sqlite_find_relay,
    .find_alias = sqlite_find_alias,
    .each = sqlite_each,
    .replace_password = sqlite_replace_password,
    .find_app_password = sqlite_find_app_password,
    .app_password_used = sqlite_app_password_used,
    .close = sqlite_close,
};

struct account_source
account_source_sqlite(struct account_db *db, const char *name)
{
    return (struct account_source){.type = &sqlite_type, .self = db, .name = name};
}
