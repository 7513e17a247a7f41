/*
 * Everything that changes the accounts. Each change is one transaction that first looks whether it
 * may be made, so that two people at two terminals cannot break what is promised: an address is an
 * account or an alias, never both; aliases end somewhere.
 */
#include "authd/accounts/account_db.h"

#include "authd/accounts/account_limits.h"
#include "authd/accounts/account_sql.h"

#include <inttypes.h>
#include <stdio.h>

#define ID_TEXT_BYTES 24
#define QUOTA_TEXT_BYTES 48

/* A ceiling of account_db.h as a word of SQL: a bound parameter would be text, and text is more
 * than any number there. */
#define SQL_NUMBER(n) SQL_NUMBER_TEXT(n)
#define SQL_NUMBER_TEXT(n) #n
#define MAX_DEPTH SQL_NUMBER(ACCOUNT_MAX_ALIAS_DEPTH)
#define MAX_TARGETS SQL_NUMBER(ACCOUNT_MAX_ALIAS_TARGETS)

/* What a change is made from; each uses its part. */
struct change {
    struct span domain;
    const struct account_address *address;
    const struct account_row *row;
    struct span password, scram_keys;
    struct span old_password; /* p == NULL: it may be any */
    const struct span *targets;
    size_t target_count;
    const struct account_change *set;
    const struct account_quota *quota;
    struct span relay;
};

typedef or_status (*change_step)(struct account_db *db, const struct change *c, struct err *e);

/* The statement with one or two parameters (b.p == NULL: NULL). */
static struct account_sql
sql_with(const char *text, struct span a, struct span b)
{
    return (struct account_sql){.text = text, .params = {a, b}, .count = b.p == NULL ? 1 : 2};
}

static or_status
exists(struct account_db *db, const char *text, struct span key, struct err *e)
{
    struct account_sql sql = sql_with(text, key, (struct span){0});

    return account_sql_exists(db, &sql, e);
}

static or_status
transact(struct account_db *db, change_step step, const struct change *c, struct err *e)
{
    lock_take(&db->lock);
    or_status st = account_sql_begin(db, e);

    if (st == OR_OK)
        st = account_sql_end(db, step(db, c, e), e);
    lock_drop(&db->lock);
    return st;
}

static or_status
step_add_domain(struct account_db *db, const struct change *c, struct err *e)
{
    struct account_sql sql =
        sql_with("INSERT INTO domains (name) VALUES (?1)", c->domain, (struct span){0});
    or_status st = exists(db, "SELECT 1 FROM domains WHERE name = ?1", c->domain, e);

    if (st == OR_OK)
        return err_set(e, OR_MALFORMED, "the domain %.*s is there already", SPAN_ARG(c->domain));
    return st == OR_ABSENT ? account_sql_run(db, &sql, e) : st;
}

or_status
account_db_add_domain(struct account_db *db, struct span domain, struct err *e)
{
    struct change c = {.domain = domain};

    return transact(db, step_add_domain, &c, e);
}

/* What must be gone before a domain goes: each row finds one kind of it. */
static const struct {
    const char *sql;
    const char *what;
    const char *group; /* of the CLI */
} domain_contents[] = {
    {"SELECT 1 FROM accounts WHERE domain = ?1 LIMIT 1", "accounts", "user"},
    {"SELECT 1 FROM aliases WHERE domain = ?1 LIMIT 1", "aliases", "alias"},
};

static or_status
check_domain_is_empty(struct account_db *db, struct span domain, struct err *e)
{
    for (size_t i = 0; i < sizeof(domain_contents) / sizeof(domain_contents[0]); i++) {
        or_status st = exists(db, domain_contents[i].sql, domain, e);

        if (st == OR_OK)
            return err_set(e, OR_MALFORMED,
                           "the domain %.*s still has %s; delete them first (outrider %s list "
                           "%.*s)",
                           SPAN_ARG(domain), domain_contents[i].what, domain_contents[i].group,
                           SPAN_ARG(domain));
        if (st != OR_ABSENT)
            return st;
    }
    return OR_OK;
}

/* Runs a DELETE or UPDATE; OR_ABSENT when it touched nothing. */
static or_status
run_on_existing(struct account_db *db, const struct account_sql *sql, const char *what,
                struct span name, struct err *e)
{
    or_status st = account_sql_run(db, sql, e);

    if (st == OR_OK && sqlite3_changes(db->sqlite) == 0)
        return err_set(e, OR_ABSENT, "there is no %s %.*s", what, SPAN_ARG(name));
    return st;
}

static or_status
step_delete_domain(struct account_db *db, const struct change *c, struct err *e)
{
    struct account_sql sql =
        sql_with("DELETE FROM domains WHERE name = ?1", c->domain, (struct span){0});
    or_status st = check_domain_is_empty(db, c->domain, e);

    return st == OR_OK ? run_on_existing(db, &sql, "domain", c->domain, e) : st;
}

or_status
account_db_delete_domain(struct account_db *db, struct span domain, struct err *e)
{
    struct change c = {.domain = domain};

    return transact(db, step_delete_domain, &c, e);
}

/* OR_OK when the domain is ours and the address is neither an account nor, where `alias_ok` is
 * false, an alias. */
static or_status
check_address_free(struct account_db *db, const struct account_address *address, bool alias_ok,
                   struct err *e)
{
    or_status st = exists(db, "SELECT 1 FROM domains WHERE name = ?1", address->domain, e);

    if (st == OR_ABSENT)
        return err_set(e, OR_MALFORMED,
                       "the domain %.*s is not there; add it first (outrider domain add %.*s)",
                       SPAN_ARG(address->domain), SPAN_ARG(address->domain));
    if (st != OR_OK)
        return st;
    st = exists(db, "SELECT 1 FROM accounts WHERE address = ?1", address->whole, e);
    if (st == OR_OK)
        return err_set(e, OR_MALFORMED, "there is an account %.*s already",
                       SPAN_ARG(address->whole));
    if (st != OR_ABSENT || alias_ok)
        return st == OR_ABSENT ? OR_OK : st;
    st = exists(db, "SELECT 1 FROM aliases WHERE address = ?1 LIMIT 1", address->whole, e);
    if (st == OR_OK)
        return err_set(e, OR_MALFORMED, "there is an alias %.*s; delete that first",
                       SPAN_ARG(address->whole));
    return st == OR_ABSENT ? OR_OK : st;
}

/* A user or group id as text; absent (p == NULL) for -1. */
static struct span
id_text(int64_t id, char out[ID_TEXT_BYTES])
{
    if (id < 0)
        return (struct span){0};
    snprintf(out, ID_TEXT_BYTES, "%" PRId64, id);
    return span_cstr(out);
}

/* As it is stored; absent (p == NULL) for none at all. */
static struct span
quota_text(const struct account_quota *quota, char out[QUOTA_TEXT_BYTES])
{
    if (quota == NULL)
        return (struct span){0};
    snprintf(out, QUOTA_TEXT_BYTES, "%" PRId64 ",%" PRId64, quota->bytes, quota->messages);
    return span_cstr(out);
}

static struct span
text_or_null(struct span text)
{
    return text.n != 0 ? text : (struct span){0};
}

#define INSERT_ACCOUNT                                                                             \
    "INSERT INTO accounts (address, domain, password, enabled, uid, gid, home, scram_keys) VALUES"

static or_status
step_add(struct account_db *db, const struct change *c, struct err *e)
{
    const struct account_row *row = c->row;
    char uid[ID_TEXT_BYTES], gid[ID_TEXT_BYTES];
    struct span home = text_or_null(row->home);
    struct span password = row->password.n != 0 ? row->password : SPAN_EMPTY;
    struct account_sql sql = {
        .text = row->enabled ? INSERT_ACCOUNT " (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7)"
                             : INSERT_ACCOUNT " (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7)",
        .params = {row->address.whole, row->address.domain, password, id_text(row->uid, uid),
                   id_text(row->gid, gid), home, text_or_null(row->scram_keys)},
        .count = 7};
    or_status st = check_address_free(db, &row->address, false, e);

    if (st == OR_OK)
        st = account_sql_run(db, &sql, e);
    return st == OR_OK ? account_limits_check(db, ACCOUNT_LIMIT_USERS, row->address.domain, e) : st;
}

or_status
account_db_add(struct account_db *db, const struct account_row *row, struct err *e)
{
    struct change c = {.row = row};

    return transact(db, step_add, &c, e);
}

/* ?4: what is stored now, NULL: whatever it is. */
static or_status
step_set_password(struct account_db *db, const struct change *c, struct err *e)
{
    struct account_sql sql = {
        .text = "UPDATE accounts SET password = ?2, scram_keys = ?3 WHERE address = ?1"
                " AND (?4 IS NULL OR password = ?4)",
        .params = {c->address->whole, c->password, text_or_null(c->scram_keys), c->old_password},
        .count = 4};

    return run_on_existing(db, &sql, "account", c->address->whole, e);
}

or_status
account_db_set_password(struct account_db *db, const struct account_address *address,
                        struct span password, struct span scram_keys, struct err *e)
{
    struct change c = {.address = address,
                       .password = password.n != 0 ? password : SPAN_EMPTY,
                       .scram_keys = scram_keys};

    return transact(db, step_set_password, &c, e);
}

or_status
account_db_replace_password(struct account_db *db, const struct account_row *old,
                            struct span password, struct span scram_keys, struct err *e)
{
    struct change c = {.address = &old->address,
                       .old_password = old->password,
                       .password = password,
                       .scram_keys = scram_keys};

    return transact(db, step_set_password, &c, e);
}

/* "1" or "0"; absent (p == NULL) for no change. */
static struct span
flag_text(const bool *flag)
{
    if (flag == NULL)
        return (struct span){0};
    return span_cstr(*flag ? "1" : "0");
}

/* ?4: "1" when ?3 is the new quota; ?6: '' is no host at all. */
static or_status
step_set(struct account_db *db, const struct change *c, struct err *e)
{
    const struct account_change *s = c->set;
    char text[QUOTA_TEXT_BYTES];
    struct span quota = {.p = NULL};
    bool has_quota = s->quota != NULL || s->quota_of_domain;

    if (!s->quota_of_domain)
        quota = quota_text(s->quota, text);
    struct account_sql sql = {.text = "UPDATE accounts SET enabled = coalesce(?2, enabled),"
                                      " quota = CASE WHEN ?4 = '1' THEN ?3 ELSE quota END,"
                                      " app_passwords_only = coalesce(?5, app_passwords_only),"
                                      " host = nullif(coalesce(?6, host), '') WHERE address = ?1",
                              .params = {c->address->whole, flag_text(s->enabled), quota,
                                         span_cstr(has_quota ? "1" : "0"),
                                         flag_text(s->app_passwords_only),
                                         s->host != NULL ? *s->host : (struct span){.p = NULL}},
                              .count = 6};

    or_status st = run_on_existing(db, &sql, "account", c->address->whole, e);
    return st == OR_OK ? account_limits_check(db, ACCOUNT_LIMIT_QUOTA, c->address->whole, e) : st;
}

static or_status
step_add_with(struct account_db *db, const struct change *c, struct err *e)
{
    or_status st = step_add(db, c, e);

    return st == OR_OK ? step_set(db, c, e) : st;
}

or_status
account_db_add_with(struct account_db *db, const struct account_row *row,
                    const struct account_change *change, struct err *e)
{
    struct change c = {.row = row, .address = &row->address, .set = change};

    return transact(db, step_add_with, &c, e);
}

or_status
account_db_set(struct account_db *db, const struct account_address *address,
               const struct account_change *change, struct err *e)
{
    struct change c = {.address = address, .set = change};

    return transact(db, step_set, &c, e);
}

static or_status
step_set_domain_quota(struct account_db *db, const struct change *c, struct err *e)
{
    char quota[QUOTA_TEXT_BYTES];
    struct account_sql sql = sql_with("UPDATE domains SET quota = ?2 WHERE name = ?1", c->domain,
                                      quota_text(c->quota, quota));

    return run_on_existing(db, &sql, "domain", c->domain, e);
}

or_status
account_db_set_domain_quota(struct account_db *db, struct span domain,
                            const struct account_quota *quota, struct err *e)
{
    struct change c = {.domain = domain, .quota = quota};

    return transact(db, step_set_domain_quota, &c, e);
}

static or_status
step_set_domain_relay(struct account_db *db, const struct change *c, struct err *e)
{
    struct account_sql sql =
        sql_with("UPDATE domains SET relay = nullif(?2, '') WHERE name = ?1", c->domain, c->relay);

    return run_on_existing(db, &sql, "domain", c->domain, e);
}

or_status
account_db_set_domain_relay(struct account_db *db, struct span domain, struct span relay,
                            struct err *e)
{
    struct change c = {.domain = domain, .relay = relay.n > 0 ? relay : SPAN_EMPTY};

    return transact(db, step_set_domain_relay, &c, e);
}

static or_status
step_delete(struct account_db *db, const struct change *c, struct err *e)
{
    struct account_sql sql =
        sql_with("DELETE FROM accounts WHERE address = ?1", c->address->whole, (struct span){0});

    return run_on_existing(db, &sql, "account", c->address->whole, e);
}

or_status
account_db_delete(struct account_db *db, const struct account_address *address, struct err *e)
{
    struct change c = {.address = address};

    return transact(db, step_delete, &c, e);
}

/* Where an address leads next: its own alias, or its domain's catch-all where it is neither alias
 * nor account. Both walks below count steps and stop one past the ceiling, so that a circle ends
 * them; UNION drops what was reached before in as many steps. */
#define IS_CAUGHT(address_)                                                                        \
    " NOT EXISTS (SELECT 1 FROM accounts x WHERE x.address = " address_ ")"                        \
    " AND NOT EXISTS (SELECT 1 FROM aliases y WHERE y.address = " address_ ")"
#define CATCH_ALL_OF(address_) "substr(" address_ ", instr(" address_ ", '@'))"

#define WALK_DOWN                                                                                  \
    "down (address, steps) AS (SELECT ?1, 0"                                                       \
    " UNION SELECT a.target, d.steps + 1 FROM down d JOIN aliases a ON a.address = d.address"      \
    " WHERE d.steps <= " MAX_DEPTH                                                                 \
    " UNION SELECT a.target, d.steps + 1 FROM down d JOIN aliases a"                               \
    " ON a.address = " CATCH_ALL_OF("d.address") " WHERE d.steps <= " MAX_DEPTH                    \
                                                 " AND" IS_CAUGHT("d.address") ")"

#define WALK_UP                                                                                    \
    "up (address, steps) AS (SELECT ?1, 0"                                                         \
    " UNION SELECT a.address, u.steps + 1 FROM up u JOIN aliases a ON a.target = u.address"        \
    " WHERE u.steps <= " MAX_DEPTH " UNION SELECT a.address, u.steps + 1 FROM up u JOIN aliases a" \
    " ON " CATCH_ALL_OF(                                                                           \
        "a.target") " = u.address"                                                                 \
                    " WHERE substr(u.address, 1, 1) = '@' AND u.steps <= " MAX_DEPTH               \
                    " AND" IS_CAUGHT("a.target") ")"

static or_status
check_alias_ends(struct account_db *db, struct span alias, struct err *e)
{
    static const char is_circle[] =
        "WITH RECURSIVE " WALK_DOWN " SELECT 1 FROM down WHERE steps > 0 AND address = ?1 LIMIT 1";
    static const char is_deep[] =
        "WITH RECURSIVE " WALK_DOWN ", " WALK_UP " SELECT 1 WHERE (SELECT max(steps) FROM down)"
        " + (SELECT max(steps) FROM up) > " MAX_DEPTH;
    or_status st = exists(db, is_circle, alias, e);

    if (st == OR_OK)
        return err_set(e, OR_MALFORMED, "the alias %.*s would lead to itself", SPAN_ARG(alias));
    if (st == OR_ABSENT)
        st = exists(db, is_deep, alias, e);
    if (st == OR_OK)
        return err_set(e, OR_MALFORMED, "more than %d aliases would lead from one to the next",
                       ACCOUNT_MAX_ALIAS_DEPTH);
    return st == OR_ABSENT ? OR_OK : st;
}

static or_status
check_alias_size(struct account_db *db, struct span alias, struct err *e)
{
    or_status st = exists(
        db, "SELECT 1 WHERE (SELECT count(*) FROM aliases WHERE address = ?1) > " MAX_TARGETS,
        alias, e);

    if (st == OR_OK)
        return err_set(e, OR_MALFORMED, "the alias %.*s would have more than %d targets",
                       SPAN_ARG(alias), ACCOUNT_MAX_ALIAS_TARGETS);
    return st == OR_ABSENT ? OR_OK : st;
}

static or_status
insert_target(struct account_db *db, const struct account_address *alias, struct span target,
              struct err *e)
{
    struct account_sql find =
        sql_with("SELECT 1 FROM aliases WHERE address = ?1 AND target = ?2", alias->whole, target);
    struct account_sql sql = {.text = "INSERT INTO aliases (address, domain, target)"
                                      " VALUES (?1, ?2, ?3)",
                              .params = {alias->whole, alias->domain, target},
                              .count = 3};
    or_status st = account_sql_exists(db, &find, e);

    if (st == OR_OK)
        return err_set(e, OR_MALFORMED, "the alias %.*s leads to %.*s already",
                       SPAN_ARG(alias->whole), SPAN_ARG(target));
    return st == OR_ABSENT ? account_sql_run(db, &sql, e) : st;
}

static or_status
step_add_alias(struct account_db *db, const struct change *c, struct err *e)
{
    or_status st = check_address_free(db, c->address, true, e);

    for (size_t i = 0; st == OR_OK && i < c->target_count; i++)
        st = insert_target(db, c->address, c->targets[i], e);
    if (st == OR_OK)
        st = account_limits_check(db, ACCOUNT_LIMIT_ALIASES, c->address->domain, e);
    if (st == OR_OK)
        st = check_alias_size(db, c->address->whole, e);
    return st == OR_OK ? check_alias_ends(db, c->address->whole, e) : st;
}

or_status
account_db_add_alias(struct account_db *db, const struct account_address *alias,
                     const struct span *targets, size_t count, struct err *e)
{
    struct change c = {.address = alias, .targets = targets, .target_count = count};

    return transact(db, step_add_alias, &c, e);
}

static or_status
step_delete_alias(struct account_db *db, const struct change *c, struct err *e)
{
    struct account_sql all =
        sql_with("DELETE FROM aliases WHERE address = ?1", c->address->whole, (struct span){0});
    struct account_sql one = sql_with("DELETE FROM aliases WHERE address = ?1 AND target = ?2",
                                      c->address->whole, c->targets[0]);

    if (c->targets[0].n == 0)
        return run_on_existing(db, &all, "alias", c->address->whole, e);
    return run_on_existing(db, &one, "such target of the alias", c->address->whole, e);
}

or_status
account_db_delete_alias(struct account_db *db, const struct account_address *alias,
                        struct span target, struct err *e)
{
    struct change c = {.address = alias, .targets = &target, .target_count = 1};

    return transact(db, step_delete_alias, &c, e);
}
